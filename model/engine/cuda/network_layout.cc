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
};

class Packer {
 public:
  Packer(const ModelSpec& spec, const Weights& weights, std::vector<float>& packed)
      : spec_(spec), weights_(weights), packed_(packed) {}

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
  for (int n = 0; n < layout.layers; ++n) {
    const int inputs = n == 0 ? layout.patch_inputs : layout.hidden;
    layout.layer[n].input = placer.Dense(inputs, layout.gates);
    layout.layer[n].recurrent = placer.Dense(RoundUp(layout.hidden, 4), layout.gates);
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
  for (int n = 0; n < layout.layers; ++n) {
    const RecurrentLayout& layer = layout.layer[n];
    packer.Transpose(absl::StrCat("encoder.weight_ih_l", n), layer.input.inputs, layer.input);
    packer.AddBias(absl::StrCat("encoder.bias_ih_l", n), layer.input);
    packer.Transpose(absl::StrCat("encoder.weight_hh_l", n), layout.hidden, layer.recurrent);
    packer.AddBias(absl::StrCat("encoder.bias_hh_l", n), layer.recurrent);
  }
  packer.Transpose("decoder.window.weight", spec.window_inputs(), layout.window);
  packer.AddBias("decoder.window.bias", layout.window);
  packer.AddBias("decoder.target.bias", layout.window);
  packer.Transpose("decoder.target.weight", spec.target_inputs(), layout.target);
  packer.Transpose("decoder.hidden.weight", spec.decoder_width, layout.hidden_layer);
  packer.AddBias("decoder.hidden.bias", layout.hidden_layer);
  packer.Transpose("decoder.output.weight", spec.decoder_width, layout.output);
  packer.AddBias("decoder.output.bias", layout.output);
  packed[static_cast<size_t>(layout.tau)] = TensorValues(spec, weights, "decoder.tau")[0];
  return packed;
}

}  // namespace auspex::model
