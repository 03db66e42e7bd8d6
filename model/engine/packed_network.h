// Weights in the form that the SIMD kernel reads: one aligned block, in the order of use.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "model/engine/aligned_buffer.h"
#include "model/engine/gru_forward.h"
#include "model/engine/packed_dense.h"
#include "model/engine/packed_lstm.h"
#include "model/engine/transformer_forward.h"
#include "model/spec/model_spec.h"
#include "model/spec/weights.h"

namespace auspex::model {

// Holds one network at a time; which one changes with every Pack. Packing is a small part of a
// forecast (docs/benchmarks.md), so a thread needs one of these and not every model. Not
// thread-safe while it packs.
class PackedNetwork {
 public:
  // Room for a network of this spec, whose weights are all zero.
  explicit PackedNetwork(const ModelSpec& spec, LstmWeights lstm_weights = LstmWeights::kFloat);
  PackedNetwork(const PackedNetwork&) = delete;
  PackedNetwork& operator=(const PackedNetwork&) = delete;

  // Takes the place of the network before. Does not allocate. REQUIRES: the weights fit the spec.
  void Pack(const Weights& weights);

  size_t hidden() const { return hidden_; }
  size_t patch_inputs() const { return patch_inputs_; }
  // The encoder: one of these has layers, or none.
  const std::vector<PackedLstmLayer>& lstm() const { return lstm_; }
  const std::vector<PackedGruLayer>& gru() const { return gru_; }
  const PackedTransformer& transformer() const { return transformer_; }
  const PackedDense& window() const { return window_; }
  const PackedDense& target() const { return target_; }  // no bias: it is in window()'s
  const PackedDense& hidden_layer() const { return hidden_layer_; }
  const PackedDense& output() const { return output_; }

 private:
  class Layout;

  // Consecutive weights: a vector, or a matrix by rows.
  struct Source {
    size_t begin = 0;
    size_t size = 0;
    Source Part(size_t offset, size_t count) const { return {begin + offset, count}; }
    std::span<const float> Of(const Weights& weights) const {
      return weights.values().subspan(begin, size);
    }
  };
  // Where a matrix of so many columns (a vector has one) goes: column c becomes consecutive floats
  // from to + c * stride on.
  struct Part {
    Source source;
    size_t columns = 1;
    float* to = nullptr;
    size_t stride = 0;
    float factor = 1;  // of all values
    bool add = false;  // to what a part before it has put there
  };
  struct LstmPart {
    Source weight_ih, weight_hh, bias_ih, bias_hh;
    size_t inputs = 0;
    float* to = nullptr;
  };

  // Points everything below into the block; answers how many floats that takes, which is all it
  // can do before there is one.
  size_t LayOut(const ModelSpec& spec);

  const LstmWeights lstm_weights_;
  const size_t hidden_;
  const size_t patch_inputs_;
  AlignedBuffer block_;
  std::vector<LstmPart> lstm_parts_;
  std::vector<Part> parts_;
  // All of them read the block.
  std::vector<PackedLstmLayer> lstm_;
  std::vector<PackedGruLayer> gru_;
  PackedTransformer transformer_;
  PackedDense window_;
  PackedDense target_;
  PackedDense hidden_layer_;
  PackedDense output_;
};

}  // namespace auspex::model
