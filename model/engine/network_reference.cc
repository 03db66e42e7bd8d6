#include "model/engine/network_reference.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

#include "absl/strings/str_cat.h"
#include "model/engine/output_head.h"

namespace auspex::model {
namespace {

using Vector = std::vector<double>;

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

Vector Relu(Vector values) {
  for (double& value : values) value = std::max(value, 0.0);
  return values;
}

// `x` followed by `y`.
template <typename X, typename Y>
Vector Concatenated(const X& x, const Y& y) {
  Vector result(x.begin(), x.end());
  result.insert(result.end(), y.begin(), y.end());
  return result;
}

void AddTo(Vector& sum, const Vector& values) {
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += values[i];
}

class Reference {
 public:
  Reference(const ModelSpec& spec, const Weights& weights) : spec_(spec), weights_(weights) {}

  // The encoder's hidden state after the newest patch; empty without an encoder.
  Vector Encode(std::span<const float> patches) const {
    if (spec_.cell == Cell::kNone) return {};
    std::vector<Vector> sequence;
    const auto width = static_cast<size_t>(spec_.patch_inputs());
    for (size_t begin = 0; begin < patches.size(); begin += width) {
      const std::span<const float> patch = patches.subspan(begin, width);
      sequence.emplace_back(patch.begin(), patch.end());
    }
    for (int layer = 0; layer < spec_.layers; ++layer) {
      if (spec_.cell == Cell::kGru) {
        RunGruLayer(layer, &sequence);
      } else {
        RunLstmLayer(layer, &sequence);
      }
    }
    return sequence.back();
  }

  // weight * x + bias.
  Vector Linear(const std::string& weight, const std::string& bias, const Vector& x) const {
    const std::span<const float> w = TensorValues(spec_, weights_, weight);
    const std::span<const float> b = TensorValues(spec_, weights_, bias);
    Vector y(b.begin(), b.end());
    for (size_t row = 0; row < y.size(); ++row) {
      for (size_t i = 0; i < x.size(); ++i) {
        y[row] += static_cast<double>(w[row * x.size() + i]) * x[i];
      }
    }
    return y;
  }

 private:
  // One LSTM layer over the whole sequence, in place (gates: Hochreiter and Schmidhuber 1997, with
  // the forget gate of Gers et al. 2000; order i, f, g, o as LibTorch's).
  void RunLstmLayer(int layer, std::vector<Vector>* sequence) const {
    const auto hidden = static_cast<size_t>(spec_.hidden);
    Vector h(hidden);
    Vector c(hidden);
    for (Vector& x : *sequence) {
      Vector gates = Linear(absl::StrCat("encoder.weight_ih_l", layer),
                            absl::StrCat("encoder.bias_ih_l", layer), x);
      AddTo(gates, Linear(absl::StrCat("encoder.weight_hh_l", layer),
                          absl::StrCat("encoder.bias_hh_l", layer), h));
      for (size_t u = 0; u < hidden; ++u) {
        const double input = Sigmoid(gates[u]);
        const double forget = Sigmoid(gates[hidden + u]);
        const double cell = std::tanh(gates[2 * hidden + u]);
        const double output = Sigmoid(gates[3 * hidden + u]);
        c[u] = forget * c[u] + input * cell;
        h[u] = output * std::tanh(c[u]);
      }
      x = h;
    }
  }

  // One GRU layer over the whole sequence, in place (Cho et al. 2014, with the reset gate after the
  // product, as LibTorch has it; order r, z, n).
  void RunGruLayer(int layer, std::vector<Vector>* sequence) const {
    const auto hidden = static_cast<size_t>(spec_.hidden);
    Vector h(hidden);
    for (Vector& x : *sequence) {
      const Vector of_x = Linear(absl::StrCat("encoder.weight_ih_l", layer),
                                 absl::StrCat("encoder.bias_ih_l", layer), x);
      const Vector of_h = Linear(absl::StrCat("encoder.weight_hh_l", layer),
                                 absl::StrCat("encoder.bias_hh_l", layer), h);
      for (size_t u = 0; u < hidden; ++u) {
        const double reset = Sigmoid(of_x[u] + of_h[u]);
        const double keep = Sigmoid(of_x[hidden + u] + of_h[hidden + u]);
        const double fresh = std::tanh(of_x[2 * hidden + u] + reset * of_h[2 * hidden + u]);
        h[u] = (1 - keep) * fresh + keep * h[u];
      }
      x = h;
    }
  }

  const ModelSpec& spec_;
  const Weights& weights_;
};

// asinh of target t's candidates, then its features.
Vector DecoderInputs(const TargetFeatures& targets, size_t t) {
  Vector x;
  for (size_t j = 0; j < kCandidates; ++j) {
    x.push_back(std::asinh(static_cast<double>(targets.candidates[t * kCandidates + j])));
  }
  for (size_t j = 0; j < kTargetFeatures; ++j) {
    x.push_back(targets.features[t * kTargetFeatures + j]);
  }
  return x;
}

}  // namespace

std::vector<double> DecoderOutputs(const ModelSpec& spec, const Weights& weights,
                                   const WindowFeatures& window, const TargetFeatures& targets) {
  const Reference network(spec, weights);
  const Vector shared = network.Linear("decoder.window.weight", "decoder.window.bias",
                                       Concatenated(network.Encode(window.patches), window.window));
  std::vector<double> outputs;
  for (size_t t = 0; t < targets.features.size() / kTargetFeatures; ++t) {
    Vector a =
        network.Linear("decoder.target.weight", "decoder.target.bias", DecoderInputs(targets, t));
    AddTo(a, shared);
    a = Relu(network.Linear("decoder.hidden.weight", "decoder.hidden.bias", Relu(a)));
    const Vector o = network.Linear("decoder.output.weight", "decoder.output.bias", a);
    outputs.insert(outputs.end(), o.begin(), o.end());
  }
  return outputs;
}

std::vector<double> NetworkOutputs(const ModelSpec& spec, const Weights& weights,
                                   const WindowFeatures& window, const TargetFeatures& targets) {
  const std::vector<double> outputs = DecoderOutputs(spec, weights, window, targets);
  const OutputHead head(spec, TensorValues(spec, weights, "decoder.tau")[0]);
  const size_t count = targets.features.size() / kTargetFeatures;
  const auto width = static_cast<size_t>(spec.decoder_outputs());
  const size_t levels = spec.quantiles.size();
  std::vector<double> quantiles(count * levels);
  for (size_t t = 0; t < count; ++t) {
    head.Quantiles(TargetInputsAt(window, targets, t),
                   std::span<const double>(outputs).subspan(t * width, width),
                   std::span(quantiles).subspan(t * levels, levels));
  }
  return quantiles;
}

}  // namespace auspex::model
