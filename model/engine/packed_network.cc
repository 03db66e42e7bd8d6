#include "model/engine/packed_network.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"

namespace auspex::model {

// Hands out consecutive parts of the block. A first pass without a block counts what is needed.
class PackedNetwork::Packer {
 public:
  Packer(const ModelSpec& spec, const Weights& weights, float* block) : spec_(spec), block_(block) {
    size_t offset = 0;
    for (TensorShape& tensor : TensorShapes(spec)) {
      const auto elements = static_cast<size_t>(tensor.elements());
      tensors_[std::move(tensor.name)] = weights.values().subspan(offset, elements);
      offset += elements;
    }
  }

  size_t used() const { return used_; }

  // `groups` equal groups of outputs (gates), each padded by itself. The bias is the sum of the
  // named tensors.
  PackedDense Pack(const std::string& weight, const std::vector<std::string>& biases, size_t inputs,
                   size_t groups = 1) {
    std::vector<std::span<const float>> bias_values;
    for (const std::string& bias : biases) bias_values.push_back(Tensor(bias));
    return PackRows(Tensor(weight), bias_values, inputs, groups);
  }

  // The same of values that may be a part of a tensor, all multiplied by `factor`.
  PackedDense PackRows(std::span<const float> weight,
                       const std::vector<std::span<const float>>& biases, size_t inputs,
                       size_t groups, float factor = 1) {
    const size_t rows = weight.size() / inputs;
    const size_t padded = PaddedOutputs(rows / groups);
    PackedDense dense{.inputs = inputs, .outputs = groups * padded};
    const auto column = [&](size_t row) {
      return row / (rows / groups) * padded + row % (rows / groups);
    };
    if (float* packed = Reserve(inputs * dense.outputs)) {
      dense.weights = packed;
      for (size_t row = 0; row < rows; ++row) {
        for (size_t i = 0; i < inputs; ++i) {
          packed[i * dense.outputs + column(row)] = factor * weight[row * inputs + i];
        }
      }
    }
    if (biases.empty()) return dense;
    if (float* packed = Reserve(dense.outputs)) {
      dense.bias = packed;
      for (const std::span<const float> bias : biases) {
        for (size_t row = 0; row < rows; ++row) packed[column(row)] += factor * bias[row];
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
      return Tensor(absl::StrCat("encoder.", name, layer));
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

  PackedTransformer PackTransformer() {
    PackedTransformer network{.hidden = static_cast<size_t>(spec_.hidden),
                              .heads = static_cast<size_t>(spec_.heads()),
                              .patches = static_cast<size_t>(spec_.patches())};
    network.embedding =
        Pack("encoder.embedding.weight", {}, static_cast<size_t>(spec_.patch_inputs()));
    network.start = PackStart(network);
    for (int layer = 0; layer < spec_.layers; ++layer) {
      network.layers.push_back(PackTransformerLayer(network, layer));
    }
    network.norm = PackNorm("encoder.norm");
    return network;
  }

 private:
  std::span<const float> Tensor(const std::string& name) const { return tensors_.at(name); }

  PackedTransformerLayer PackTransformerLayer(const PackedTransformer& network, int layer) {
    const size_t hidden = network.hidden;
    const std::string name = absl::StrCat("encoder.layers.", layer, ".");
    const auto dense = [&](const std::string& part, size_t inputs) {
      return Pack(name + part + ".weight", {name + part + ".bias"}, inputs);
    };
    const std::span<const float> weight = Tensor(name + "self_attn.in_proj_weight");
    const std::span<const float> bias = Tensor(name + "self_attn.in_proj_bias");
    const size_t head_size = hidden / network.heads;
    const float factor = 1 / std::sqrt(static_cast<float>(head_size));
    PackedTransformerLayer packed;
    packed.norm1 = PackNorm(name + "norm1");
    packed.query = PackRows(weight.first(hidden * hidden), {bias.first(hidden)}, hidden, 1, factor);
    packed.key_value = PackRows(weight.subspan(hidden * hidden), {bias.subspan(hidden)}, hidden, 2);
    packed.out = dense("self_attn.out_proj", hidden);
    packed.norm2 = PackNorm(name + "norm2");
    packed.linear1 = dense("linear1", hidden);
    packed.linear2 = dense("linear2", static_cast<size_t>(spec_.feed_forward()));
    return packed;
  }

  PackedNorm PackNorm(const std::string& name) {
    return {.scale = PackVector(Tensor(name + ".weight")),
            .shift = PackVector(Tensor(name + ".bias"))};
  }

  const float* PackVector(std::span<const float> values) {
    float* const packed = Reserve(PaddedOutputs(values.size()));
    if (packed != nullptr) std::copy(values.begin(), values.end(), packed);
    return packed;
  }

  // Position and the embedding's bias.
  const float* PackStart(const PackedTransformer& network) {
    const std::span<const float> position = Tensor("encoder.position");
    const std::span<const float> bias = Tensor("encoder.embedding.bias");
    float* const packed = Reserve(network.patches * network.units());
    if (packed == nullptr) return nullptr;
    for (size_t row = 0; row < network.patches; ++row) {
      for (size_t u = 0; u < network.hidden; ++u) {
        packed[row * network.units() + u] = position[row * network.hidden + u] + bias[u];
      }
    }
    return packed;
  }

  // Null in the counting pass.
  float* Reserve(size_t floats) {
    float* part = block_ == nullptr ? nullptr : block_ + used_;
    used_ += floats;
    return part;
  }

  const ModelSpec& spec_;
  absl::flat_hash_map<std::string, std::span<const float>> tensors_;
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
    if (spec.cell == Cell::kTransformer) transformer_ = packer.PackTransformer();
    const auto width = static_cast<size_t>(spec.decoder_width);
    window_ = packer.Pack("decoder.window.weight", {"decoder.window.bias", "decoder.target.bias"},
                          static_cast<size_t>(spec.window_inputs()));
    target_ = packer.Pack("decoder.target.weight", {}, static_cast<size_t>(spec.target_inputs()));
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
