// The LSTM of every forecast: all layers of one network over one sequence, in single precision, in
// the widest vectors that this machine has (Highway's dynamic dispatch).
//
// One sequence at a time makes every step a product of a matrix with a vector, so the weights must
// come from the caches once per step. They are read in opposite directions on even and odd steps:
// what the first-level cache still holds from the end of one step is what the next begins with.
#pragma once

#include <cstddef>
#include <span>

#include "model/engine/aligned_buffer.h"
#include "model/engine/packed_lstm.h"

namespace auspex::model {

// Working memory of one thread; grows to the largest network and sequence that it has seen.
struct LstmScratch {
  AlignedBuffer gates;     // [steps of a block][units * 4], the inputs' part of the sums
  AlignedBuffer cell;      // [units]
  AlignedBuffer sequence;  // [steps][units], hidden states of a layer
};

// Memory that will be needed next: fetched towards the second-level cache meanwhile, a little at
// every step, because a fleet's weights are far larger than the caches.
struct NextMemory {
  const void* data = nullptr;
  size_t bytes = 0;
};

// Runs the layers over `steps` rows of `x`. Returns the last layer's hidden states,
// [steps][layers.back().units()], valid until `scratch` is used again. The result does not depend
// on `next`. Allocates only to grow `scratch`. REQUIRES: at least one layer and one step; all
// layers have the same `hidden`.
const float* LstmForward(std::span<const PackedLstmLayer> layers, ConstRows x, size_t steps,
                         NextMemory next, LstmScratch* scratch);

}  // namespace auspex::model
