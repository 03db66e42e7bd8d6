// Weights in the form that the SIMD kernel reads: one aligned block, in the order of use.
#pragma once

#include <cstddef>
#include <vector>

#include "hwy/aligned_allocator.h"
#include "model/spec/model_spec.h"
#include "model/spec/weights.h"

namespace auspex::model {

// Outputs of every layer are padded to a multiple of this, the widest vector's floats, so that a
// kernel never has a remainder. Padding is zero.
inline constexpr size_t kOutputPadding = 16;
size_t PaddedOutputs(size_t outputs);

// y = bias + x * weights. Column-major, so that one input meets all outputs in consecutive memory:
// weights is [inputs][outputs], bias is [outputs]; outputs is padded.
struct PackedDense {
  size_t inputs = 0;
  size_t outputs = 0;
  const float* weights = nullptr;
  const float* bias = nullptr;  // null: none
};

// Outputs are four gates (i, f, g, o) of PaddedOutputs(hidden) units each.
struct PackedLstmLayer {
  PackedDense input;      // bias: LibTorch's two biases, summed
  PackedDense recurrent;  // inputs: hidden, not padded; no bias
};

// Immutable.
class PackedNetwork {
 public:
  // REQUIRES: the weights fit the spec.
  PackedNetwork(const ModelSpec& spec, const Weights& weights);

  size_t hidden() const { return hidden_; }
  size_t units() const { return PaddedOutputs(hidden_); }  // hidden, padded
  size_t patch_inputs() const { return patch_inputs_; }
  const std::vector<PackedLstmLayer>& encoder() const { return encoder_; }
  const PackedDense& window() const { return window_; }
  const PackedDense& target() const { return target_; }  // no bias: it is in window()'s
  const PackedDense& hidden_layer() const { return hidden_layer_; }
  const PackedDense& output() const { return output_; }

 private:
  class Packer;

  size_t hidden_ = 0;
  size_t patch_inputs_ = 0;
  hwy::AlignedFreeUniquePtr<float[]> block_;
  std::vector<PackedLstmLayer> encoder_;
  PackedDense window_;
  PackedDense target_;
  PackedDense hidden_layer_;
  PackedDense output_;
};

}  // namespace auspex::model
