// The GRU encoder, in single precision, in the widest vectors that this machine has.
#pragma once

#include <cstddef>
#include <span>

#include "model/engine/aligned_buffer.h"
#include "model/engine/packed_dense.h"

namespace auspex::model {

// Outputs of both products are three gates (r, z, n) of PaddedOutputs(hidden) units each.
struct PackedGruLayer {
  PackedDense input;
  PackedDense recurrent;  // inputs: hidden, not padded

  size_t units() const { return recurrent.outputs / 3; }  // hidden, padded
};

// Working memory of one thread; grows to the largest network and sequence that it has seen.
struct GruScratch {
  AlignedBuffer gates;      // [steps][3 * units], the inputs' part
  AlignedBuffer recurrent;  // [3 * units], the previous state's part of one step
  AlignedBuffer sequence;   // [1 + steps][units]: zeros, then the hidden states of a layer
};

// Runs the layers over `steps` rows of `x`. Returns the last layer's hidden states,
// [steps][layers.back().units()], valid until `scratch` is used again. Allocates only to grow
// `scratch`. REQUIRES: at least one layer and one step; all layers have the same units.
const float* GruForward(std::span<const PackedGruLayer> layers, ConstRows x, size_t steps,
                        GruScratch* scratch);

}  // namespace auspex::model
