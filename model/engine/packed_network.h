// Weights in the form that the SIMD kernel reads: one aligned block, in the order of use.
#pragma once

#include <cstddef>
#include <vector>

#include "model/engine/aligned_buffer.h"
#include "model/engine/gru_forward.h"
#include "model/engine/packed_dense.h"
#include "model/engine/packed_lstm.h"
#include "model/engine/transformer_forward.h"
#include "model/spec/model_spec.h"
#include "model/spec/weights.h"

namespace auspex::model {

// Immutable.
class PackedNetwork {
 public:
  // REQUIRES: the weights fit the spec.
  PackedNetwork(const ModelSpec& spec, const Weights& weights);

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
  class Packer;

  size_t hidden_ = 0;
  size_t patch_inputs_ = 0;
  AlignedBuffer block_;
  std::vector<PackedLstmLayer> lstm_;
  std::vector<PackedGruLayer> gru_;
  PackedTransformer transformer_;
  PackedDense window_;
  PackedDense target_;
  PackedDense hidden_layer_;
  PackedDense output_;
};

}  // namespace auspex::model
