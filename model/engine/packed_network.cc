#include "model/engine/packed_network.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace auspex::model {

// Hands out consecutive parts of the block. A first pass without a block counts what is needed.
class PackedNetwork::Packer {
 public:
  Packer(const ModelSpec& spec, const Weights& weights, float* block)
      : spec_(spec), weights_(weights), block_(block) {}

  size_t used() const { return used_; }

  // `groups` equal groups of outputs (gates), each padded by itself. The bias is the sum of the
  // named tensors.
  PackedDense Pack(const std::string& weight, const std::vector<std::string>& biases, size_t inputs,
                   size_t groups = 1) {
    const std::span<const float> source = TensorValues(spec_, weights_, weight);
    const size_t rows = source.size() / inputs;
    const size_t padded = PaddedOutputs(rows / groups);
    PackedDense dense{.inputs = inputs, .outputs = groups * padded};
    const auto column = [&](size_t row) {
      return row / (rows / groups) * padded + row % (rows / groups);
    };
    if (float* packed = Reserve(inputs * dense.outputs)) {
      dense.weights = packed;
      for (size_t row = 0; row < rows; ++row) {
        for (size_t i = 0; i < inputs; ++i) {
          packed[i * dense.outputs + column(row)] = source[row * inputs + i];
        }
      }
    }
    if (biases.empty()) return dense;
    if (float* packed = Reserve(dense.outputs)) {
      dense.bias = packed;
      for (const std::string& bias : biases) {
        const std::span<const float> values = TensorValues(spec_, weights_, bias);
        for (size_t row = 0; row < rows; ++row) packed[column(row)] += values[row];
      }
    }
    return dense;
  }

  PackedGruLayer PackGru(int layer, size_t inputs, size_t hidden) {
    const auto name = [layer](const char* tensor) {
      return absl::StrCat("encoder.", tensor, layer);
    };
    return {.input = Pack(name("weight_ih_l"), {name("bias_ih_l")}, inputs, 3),
            .recurrent = Pack(name("weight_hh_l"), {name("bias_hh_l")}, hidden, 3)};
  }

  PackedLstmLayer PackLstm(int layer, size_t inputs, size_t hidden) {
    const auto tensor = [&](const char* name) {
      return TensorValues(spec_, weights_, absl::StrCat("encoder.", name, layer));
    };
    float* const packed = Reserve(PackedLstmFloats(inputs, hidden, LstmWeights::kFloat));
    if (packed == nullptr) return {};
    PackLstmLayer(inputs, hidden, LstmWeights::kFloat,
                  {.weight_ih = tensor("weight_ih_l"),
                   .weight_hh = tensor("weight_hh_l"),
                   .bias_ih = tensor("bias_ih_l"),
                   .bias_hh = tensor("bias_hh_l")},
                  packed);
    return LstmLayerAt(inputs, hidden, LstmWeights::kFloat, packed);
  }

 private:
  // Null in the counting pass.
  float* Reserve(size_t floats) {
    float* part = block_ == nullptr ? nullptr : block_ + used_;
    used_ += floats;
    return part;
  }

  const ModelSpec& spec_;
  const Weights& weights_;
  float* block_;
  size_t used_ = 0;
};

PackedNetwork::PackedNetwork(const ModelSpec& spec, const Weights& weights)
    : hidden_(static_cast<size_t>(spec.hidden)),
      patch_inputs_(static_cast<size_t>(spec.patch_inputs())) {
  const auto pack = [&](float* block) {
    Packer packer(spec, weights, block);
    lstm_.clear();
    gru_.clear();
    for (int layer = 0; layer < spec.layers; ++layer) {
      const size_t inputs = layer == 0 ? patch_inputs_ : hidden_;
      if (spec.cell == Cell::kLstm) lstm_.push_back(packer.PackLstm(layer, inputs, hidden_));
      if (spec.cell == Cell::kGru) gru_.push_back(packer.PackGru(layer, inputs, hidden_));
    }
    const auto width = static_cast<size_t>(spec.decoder_width);
    window_ = packer.Pack("decoder.window.weight", {"decoder.window.bias", "decoder.target.bias"},
                          static_cast<size_t>(spec.window_inputs()));
    target_ = packer.Pack("decoder.target.weight", {}, kTargetInputs);
    hidden_layer_ = packer.Pack("decoder.hidden.weight", {"decoder.hidden.bias"}, width);
    output_ = packer.Pack("decoder.output.weight", {"decoder.output.bias"}, width);
    return packer.used();
  };
  const size_t floats = pack(nullptr);
  block_.Fit(floats);
  std::fill_n(block_.data(), floats, 0.0F);
  pack(block_.data());
}

}  // namespace auspex::model
