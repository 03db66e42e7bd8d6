// The transformer encoder, in single precision, in the widest vectors that this machine has.
//
// Only the newest patch's row of the last layer is asked for, so the last layer computes keys and
// values of all rows, and everything else of that row alone.
#pragma once

#include <cstddef>
#include <vector>

#include "model/engine/aligned_buffer.h"
#include "model/engine/packed_dense.h"
#include "model/spec/model_spec.h"

namespace auspex::model {

// Scale and shift of a norm, [units] each. Padding is zero.
struct PackedNorm {
  const float* scale = nullptr;
  const float* shift = nullptr;
};

struct PackedTransformerLayer {
  PackedNorm norm1;
  PackedDense query;      // divided by the square root of a head's size
  PackedDense key_value;  // outputs: keys, then values, of `units` each
  PackedDense out;
  PackedNorm norm2;
  PackedDense linear1;
  PackedDense linear2;
};

// Every row of `units` floats holds `hidden` values, then zeros.
struct PackedTransformer {
  size_t hidden = 0;
  size_t heads = 0;              // divides hidden
  size_t patches = 0;            // 1..kPatchesMax
  PackedDense embedding;         // no bias: it is in `start`
  const float* start = nullptr;  // [patches][units] position and the embedding's bias, oldest first
  std::vector<PackedTransformerLayer> layers;
  PackedNorm norm;

  size_t units() const { return PaddedOutputs(hidden); }
};

// Keys of a row of scores: all patches, padded to whole vectors.
inline constexpr size_t kScores = PaddedOutputs(kPatchesMax);

// Working memory of one thread; grows to the largest network that it has seen.
struct TransformerScratch {
  AlignedBuffer rows;       // [patches][units], what the layers add to
  AlignedBuffer normed;     // [patches][units]
  AlignedBuffer query;      // [patches][units]
  AlignedBuffer key_value;  // [patches][2 * units], and a vector
  AlignedBuffer keys;       // [units][kScores], transposed
  AlignedBuffer scores;     // [1 + patches][kScores]: the start of the sums, then a head's weights
  AlignedBuffer gathered;   // [patches][units and a vector]
  AlignedBuffer inner;      // [patches][linear1.outputs]
};

// Runs the network over its number of rows of `x`. Returns the newest row's output, [units], valid
// until `scratch` is used again. Allocates only to grow `scratch`.
const float* TransformerForward(const PackedTransformer& network, ConstRows x,
                                TransformerScratch* scratch);

}  // namespace auspex::model
