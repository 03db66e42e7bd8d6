#include "model/engine/cuda/network_layout.h"

#include <algorithm>
#include <span>
#include <string>

#include "absl/strings/str_cat.h"
#include "model/engine/cuda/placer.h"
#include "model/spec/model_spec.h"
#include "model/spec/weights.h"

namespace auspex::model {
namespace {

// Gives consecutive places to layers.
class LayerPlacer : public Placer {
 public:
  DenseLayout Dense(int inputs, int outputs, bool bias = true) {
    DenseLayout dense;
    dense.inputs = inputs;
    dense.outputs = RoundUp(outputs, kOutputsPerThread);
    dense.weights = Take(inputs * dense.outputs);
    if (bias) dense.bias = Take(dense.outputs);
    return dense;
  }

  NormLayout Norm(int units) { return {.scale = Take(units), .shift = Take(units)}; }

  TransformerLayout Transformer(const ModelSpec& spec) {
    TransformerLayout layout;
    layout.heads = spec.heads();
    layout.norm_epsilon = static_cast<float>(kNormEpsilon);
    layout.embedding = Dense(spec.patch_inputs(), spec.hidden);
    layout.position = Take(spec.patches() * spec.hidden);
    for (int n = 0; n < spec.layers; ++n) {
      TransformerLayerLayout& layer = layout.layer[n];
      layer.norm1 = Norm(spec.hidden);
      layer.projections = Dense(spec.hidden, 3 * spec.hidden);
      layer.out = Dense(spec.hidden, spec.hidden);
      layer.norm2 = Norm(spec.hidden);
      layer.linear1 = Dense(spec.hidden, spec.feed_forward());
      layer.linear2 = Dense(spec.feed_forward(), spec.hidden);
    }
    layout.norm = Norm(spec.hidden);
    return layout;
  }
};

class Packer {
 public:
  Packer(const ModelSpec& spec, const Weights& weights, std::vector<float>& packed)
      : spec_(spec), weights_(weights), packed_(packed) {}

  // As it is.
  void Copy(const std::string& tensor, int to) {
    const std::span<const float> source = TensorValues(spec_, weights_, tensor);
    std::copy(source.begin(), source.end(), packed_.begin() + to);
  }

  // `inputs` are the layer's own, without padding.
  void Transpose(const std::string& tensor, int inputs, const DenseLayout& dense) {
    const std::span<const float> source = TensorValues(spec_, weights_, tensor);
    const size_t columns = static_cast<size_t>(inputs);
    for (size_t i = 0; i < source.size(); ++i) {
      const size_t row = i / columns;
      const size_t input = i % columns;
      packed_[static_cast<size_t>(dense.weights) + input * static_cast<size_t>(dense.outputs) +
              row] = source[i];
    }
  }

  void AddBias(const std::string& tensor, const DenseLayout& dense) {
    const std::span<const float> source = TensorValues(spec_, weights_, tensor);
    for (size_t i = 0; i < source.size(); ++i) {
      packed_[static_cast<size_t>(dense.bias) + i] += source[i];
    }
  }

  void Dense(const std::string& weight, const std::string& bias, const DenseLayout& dense) {
    Transpose(weight, dense.inputs, dense);
    AddBias(bias, dense);
  }

  void Norm(const std::string& norm, const NormLayout& layout) {
    Copy(norm + ".weight", layout.scale);
    Copy(norm + ".bias", layout.shift);
  }

  void RecurrentLayer(int n, const RecurrentLayout& layer) {
    Dense(absl::StrCat("encoder.weight_ih_l", n), absl::StrCat("encoder.bias_ih_l", n),
          layer.input);
    Transpose(absl::StrCat("encoder.weight_hh_l", n), spec_.hidden, layer.recurrent);
    AddBias(absl::StrCat("encoder.bias_hh_l", n), layer.recurrent);
  }

  void Transformer(const TransformerLayout& layout) {
    Dense("encoder.embedding.weight", "encoder.embedding.bias", layout.embedding);
    Copy("encoder.position", layout.position);
    for (int n = 0; n < spec_.layers; ++n) {
      const TransformerLayerLayout& layer = layout.layer[n];
      const std::string name = absl::StrCat("encoder.layers.", n, ".");
      const auto dense = [&](const std::string& part, const DenseLayout& of) {
        Dense(name + part + ".weight", name + part + ".bias", of);
      };
      Norm(name + "norm1", layer.norm1);
      Dense(name + "self_attn.in_proj_weight", name + "self_attn.in_proj_bias", layer.projections);
      dense("self_attn.out_proj", layer.out);
      Norm(name + "norm2", layer.norm2);
      dense("linear1", layer.linear1);
      dense("linear2", layer.linear2);
    }
    Norm("encoder.norm", layout.norm);
  }

 private:
  const ModelSpec& spec_;
  const Weights& weights_;
  std::vector<float>& packed_;
};

}  // namespace

NetworkLayout LayoutOf(const ModelSpec& spec) {
  NetworkLayout layout;
  layout.cell = spec.cell;
  layout.hidden = spec.hidden;
  layout.layers = spec.cell == Cell::kNone ? 0 : spec.layers;
  layout.gates = (spec.cell == Cell::kGru ? 3 : 4) * spec.hidden;
  layout.encoder_outputs = spec.encoder_outputs();
  layout.patches = spec.patches();
  layout.patch_inputs = spec.patch_inputs();
  layout.window_features = spec.window_features();
  layout.target_features = spec.target_features();
  layout.targets = spec.horizon_steps;
  layout.levels = static_cast<int>(spec.quantiles.size());
  layout.median = spec.median_index();
  std::copy(spec.quantiles.begin(), spec.quantiles.end(), layout.level);

  LayerPlacer placer;
  if (spec.cell == Cell::kTransformer) {
    layout.transformer = placer.Transformer(spec);
  } else {
    for (int n = 0; n < layout.layers; ++n) {
      const int inputs = n == 0 ? layout.patch_inputs : layout.hidden;
      layout.layer[n].input = placer.Dense(inputs, layout.gates);
      layout.layer[n].recurrent = placer.Dense(RoundUp(layout.hidden, 4), layout.gates);
    }
  }
  layout.window = placer.Dense(spec.window_inputs(), spec.decoder_width);
  layout.decoder_begin = placer.used();
  layout.target = placer.Dense(spec.target_inputs(), spec.decoder_width, /*bias=*/false);
  layout.hidden_layer = placer.Dense(spec.decoder_width, spec.decoder_width);
  layout.output = placer.Dense(spec.decoder_width, spec.decoder_outputs());
  layout.decoder_floats = placer.used() - layout.decoder_begin;
  layout.tau = placer.Take(1);
  layout.floats = placer.used();
  return layout;
}

std::vector<float> PackWeights(const ModelSpec& spec, const Weights& weights,
                               const NetworkLayout& layout) {
  std::vector<float> packed(static_cast<size_t>(layout.floats));
  Packer packer(spec, weights, packed);
  if (spec.cell == Cell::kTransformer) {
    packer.Transformer(layout.transformer);
  } else {
    for (int n = 0; n < layout.layers; ++n) packer.RecurrentLayer(n, layout.layer[n]);
  }
  packer.Dense("decoder.window.weight", "decoder.window.bias", layout.window);
  packer.AddBias("decoder.target.bias", layout.window);
  packer.Transpose("decoder.target.weight", spec.target_inputs(), layout.target);
  packer.Dense("decoder.hidden.weight", "decoder.hidden.bias", layout.hidden_layer);
  packer.Dense("decoder.output.weight", "decoder.output.bias", layout.output);
  packed[static_cast<size_t>(layout.tau)] = TensorValues(spec, weights, "decoder.tau")[0];
  return packed;
}

}  // namespace auspex::model
