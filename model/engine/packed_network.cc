#include "model/engine/packed_network.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"

namespace auspex::model {

// Hands out consecutive parts of the block and notes what goes there. A first pass without a block
// counts what is needed.
class PackedNetwork::Layout {
 public:
  Layout(const ModelSpec& spec, PackedNetwork* network)
      : spec_(spec), network_(*network), block_(network->block_.data()) {
    size_t begin = 0;
    for (TensorShape& tensor : TensorShapes(spec)) {
      const auto elements = static_cast<size_t>(tensor.elements());
      tensors_[std::move(tensor.name)] = {begin, elements};
      begin += elements;
    }
  }

  size_t used() const { return used_; }

  // `groups` equal groups of outputs (gates), each padded by itself. The bias is the sum of the
  // named tensors.
  PackedDense Dense(const std::string& weight, const std::vector<std::string>& biases,
                    size_t inputs, size_t groups = 1) {
    std::vector<Source> bias_sources;
    for (const std::string& bias : biases) bias_sources.push_back(Tensor(bias));
    return DenseOf(Tensor(weight), bias_sources, inputs, groups);
  }

  PackedGruLayer Gru(int layer, size_t inputs, size_t hidden) {
    const auto name = [layer](const char* tensor) {
      return absl::StrCat("encoder.", tensor, layer);
    };
    return {.input = Dense(name("weight_ih_l"), {name("bias_ih_l")}, inputs, 3),
            .recurrent = Dense(name("weight_hh_l"), {name("bias_hh_l")}, hidden, 3)};
  }

  PackedLstmLayer Lstm(int layer, size_t inputs, size_t hidden) {
    const auto tensor = [&](const char* name) {
      return Tensor(absl::StrCat("encoder.", name, layer));
    };
    float* const to = Reserve(PackedLstmFloats(inputs, hidden, network_.lstm_weights_));
    if (to == nullptr) return {};
    network_.lstm_parts_.push_back({.weight_ih = tensor("weight_ih_l"),
                                    .weight_hh = tensor("weight_hh_l"),
                                    .bias_ih = tensor("bias_ih_l"),
                                    .bias_hh = tensor("bias_hh_l"),
                                    .inputs = inputs,
                                    .to = to});
    return LstmLayerAt(inputs, hidden, network_.lstm_weights_, to);
  }

  PackedTransformer Transformer() {
    PackedTransformer network{.hidden = static_cast<size_t>(spec_.hidden),
                              .heads = static_cast<size_t>(spec_.heads()),
                              .patches = static_cast<size_t>(spec_.patches())};
    network.embedding =
        Dense("encoder.embedding.weight", {}, static_cast<size_t>(spec_.patch_inputs()));
    network.start = Start(network);
    for (int layer = 0; layer < spec_.layers; ++layer) {
      network.layers.push_back(TransformerLayer(network, layer));
    }
    network.norm = Norm("encoder.norm");
    return network;
  }

 private:
  Source Tensor(const std::string& name) const { return tensors_.at(name); }

  // The same of sources that may be a part of a tensor, all multiplied by `factor`.
  PackedDense DenseOf(Source weight, const std::vector<Source>& biases, size_t inputs,
                      size_t groups, float factor = 1) {
    const size_t rows = weight.size / inputs / groups;  // of one group
    const size_t padded = PaddedOutputs(rows);
    PackedDense dense{.inputs = inputs, .outputs = groups * padded};
    float* const weights_to = Reserve(inputs * dense.outputs);
    float* const bias_to = biases.empty() ? nullptr : Reserve(dense.outputs);
    if (weights_to == nullptr) return dense;
    dense.weights = weights_to;
    dense.bias = bias_to;
    for (size_t group = 0; group < groups; ++group) {
      network_.parts_.push_back({.source = weight.Part(group * rows * inputs, rows * inputs),
                                 .columns = inputs,
                                 .to = weights_to + group * padded,
                                 .stride = dense.outputs,
                                 .factor = factor});
      for (const Source& bias : biases) {
        network_.parts_.push_back({.source = bias.Part(group * rows, rows),
                                   .to = bias_to + group * padded,
                                   .factor = factor,
                                   .add = &bias != &biases.front()});
      }
    }
    return dense;
  }

  PackedTransformerLayer TransformerLayer(const PackedTransformer& network, int layer) {
    const size_t hidden = network.hidden;
    const std::string name = absl::StrCat("encoder.layers.", layer, ".");
    const auto dense = [&](const std::string& part, size_t inputs) {
      return Dense(name + part + ".weight", {name + part + ".bias"}, inputs);
    };
    const Source weight = Tensor(name + "self_attn.in_proj_weight");
    const Source bias = Tensor(name + "self_attn.in_proj_bias");
    const size_t square = hidden * hidden;
    const size_t head_size = hidden / network.heads;
    const float factor = 1 / std::sqrt(static_cast<float>(head_size));
    PackedTransformerLayer packed;
    packed.norm1 = Norm(name + "norm1");
    packed.query = DenseOf(weight.Part(0, square), {bias.Part(0, hidden)}, hidden, 1, factor);
    packed.key_value =
        DenseOf(weight.Part(square, 2 * square), {bias.Part(hidden, 2 * hidden)}, hidden, 2);
    packed.out = dense("self_attn.out_proj", hidden);
    packed.norm2 = Norm(name + "norm2");
    packed.linear1 = dense("linear1", hidden);
    packed.linear2 = dense("linear2", static_cast<size_t>(spec_.feed_forward()));
    return packed;
  }

  PackedNorm Norm(const std::string& name) {
    return {.scale = Vector(Tensor(name + ".weight")), .shift = Vector(Tensor(name + ".bias"))};
  }

  const float* Vector(Source values) {
    float* const to = Reserve(PaddedOutputs(values.size));
    if (to != nullptr) network_.parts_.push_back({.source = values, .to = to});
    return to;
  }

  // Position and the embedding's bias.
  const float* Start(const PackedTransformer& network) {
    const Source position = Tensor("encoder.position");
    const Source bias = Tensor("encoder.embedding.bias");
    float* const to = Reserve(network.patches * network.units());
    if (to == nullptr) return nullptr;
    for (size_t row = 0; row < network.patches; ++row) {
      float* const to_row = to + row * network.units();
      network_.parts_.push_back(
          {.source = position.Part(row * network.hidden, network.hidden), .to = to_row});
      network_.parts_.push_back({.source = bias, .to = to_row, .add = true});
    }
    return to;
  }

  // Null in the counting pass.
  float* Reserve(size_t floats) {
    float* part = block_ == nullptr ? nullptr : block_ + used_;
    used_ += floats;
    return part;
  }

  const ModelSpec& spec_;
  PackedNetwork& network_;
  absl::flat_hash_map<std::string, Source> tensors_;
  float* block_;
  size_t used_ = 0;
};

PackedNetwork::PackedNetwork(const ModelSpec& spec, LstmWeights lstm_weights)
    : lstm_weights_(lstm_weights),
      hidden_(static_cast<size_t>(spec.hidden)),
      patch_inputs_(static_cast<size_t>(spec.patch_inputs())) {
  const size_t floats = LayOut(spec);
  block_.Fit(floats);
  std::fill_n(block_.data(), floats, 0.0F);  // padding stays zero
  LayOut(spec);
}

size_t PackedNetwork::LayOut(const ModelSpec& spec) {
  Layout layout(spec, this);
  lstm_.clear();
  gru_.clear();
  for (int layer = 0; layer < spec.layers; ++layer) {
    const size_t inputs = layer == 0 ? patch_inputs_ : hidden_;
    if (spec.cell == Cell::kLstm) lstm_.push_back(layout.Lstm(layer, inputs, hidden_));
    if (spec.cell == Cell::kGru) gru_.push_back(layout.Gru(layer, inputs, hidden_));
  }
  if (spec.cell == Cell::kTransformer) transformer_ = layout.Transformer();
  const auto width = static_cast<size_t>(spec.decoder_width);
  window_ = layout.Dense("decoder.window.weight", {"decoder.window.bias", "decoder.target.bias"},
                         static_cast<size_t>(spec.window_inputs()));
  target_ = layout.Dense("decoder.target.weight", {}, static_cast<size_t>(spec.target_inputs()));
  hidden_layer_ = layout.Dense("decoder.hidden.weight", {"decoder.hidden.bias"}, width);
  output_ = layout.Dense("decoder.output.weight", {"decoder.output.bias"}, width);
  return layout.used();
}

void PackedNetwork::Pack(const Weights& weights) {
  for (const LstmPart& part : lstm_parts_) {
    PackLstmLayer(part.inputs, hidden_, lstm_weights_,
                  {.weight_ih = part.weight_ih.Of(weights),
                   .weight_hh = part.weight_hh.Of(weights),
                   .bias_ih = part.bias_ih.Of(weights),
                   .bias_hh = part.bias_hh.Of(weights)},
                  part.to);
  }
  for (const Part& part : parts_) {
    const float* value = part.source.Of(weights).data();
    const size_t rows = part.source.size / part.columns;
    for (size_t row = 0; row < rows; ++row) {
      for (size_t column = 0; column < part.columns; ++column) {
        float& packed = part.to[column * part.stride + row];
        packed = part.factor * *value++ + (part.add ? packed : 0.0F);
      }
    }
  }
}

}  // namespace auspex::model
