#include "model/engine/network_reference.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <string>
#include <utility>

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

  // The encoder's output at the newest patch; empty without an encoder.
  Vector Encode(std::span<const float> patches) const {
    if (spec_.cell == Cell::kNone) return {};
    std::vector<Vector> sequence;
    const auto width = static_cast<size_t>(spec_.patch_inputs());
    for (size_t begin = 0; begin < patches.size(); begin += width) {
      const std::span<const float> patch = patches.subspan(begin, width);
      sequence.emplace_back(patch.begin(), patch.end());
    }
    if (spec_.cell == Cell::kTransformer) return RunTransformer(std::move(sequence));
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

  // A transformer (Vaswani et al. 2017) whose layers normalise what they read and add to it (Xiong
  // et al. 2020), over all patches at once. Returns the newest patch's row.
  Vector RunTransformer(std::vector<Vector> sequence) const {
    const std::span<const float> position = TensorValues(spec_, weights_, "encoder.position");
    const auto hidden = static_cast<size_t>(spec_.hidden);
    for (size_t t = 0; t < sequence.size(); ++t) {
      sequence[t] = Linear("encoder.embedding.weight", "encoder.embedding.bias", sequence[t]);
      for (size_t u = 0; u < hidden; ++u) sequence[t][u] += position[t * hidden + u];
    }
    for (int layer = 0; layer < spec_.layers; ++layer) {
      const std::string name = absl::StrCat("encoder.layers.", layer, ".");
      AddAttention(name, &sequence);
      for (Vector& x : sequence) {
        const Vector inner = Relu(
            Linear(name + "linear1.weight", name + "linear1.bias", Normalized(name + "norm2", x)));
        AddTo(x, Linear(name + "linear2.weight", name + "linear2.bias", inner));
      }
    }
    return Normalized("encoder.norm", sequence.back());
  }

  // Adds to every row what its heads gather from all rows.
  void AddAttention(const std::string& layer, std::vector<Vector>* sequence) const {
    std::vector<Vector> projected;  // queries, keys, values of a row
    for (const Vector& x : *sequence) {
      projected.push_back(Linear(layer + "self_attn.in_proj_weight",
                                 layer + "self_attn.in_proj_bias", Normalized(layer + "norm1", x)));
    }
    for (size_t t = 0; t < sequence->size(); ++t) {
      Vector gathered;
      for (int head = 0; head < spec_.heads(); ++head) {
        const Vector of_head = GatheredByHead(projected, t, static_cast<size_t>(head));
        gathered.insert(gathered.end(), of_head.begin(), of_head.end());
      }
      AddTo((*sequence)[t], Linear(layer + "self_attn.out_proj.weight",
                                   layer + "self_attn.out_proj.bias", gathered));
    }
  }

  // The mean of all rows' values, weighted by softmax(query of row t * keys / sqrt(size)).
  Vector GatheredByHead(const std::vector<Vector>& projected, size_t t, size_t head) const {
    const auto hidden = static_cast<size_t>(spec_.hidden);
    const size_t size = hidden / static_cast<size_t>(spec_.heads());
    const size_t first = head * size;
    Vector scores;
    for (const Vector& row : projected) {
      double score = 0;
      for (size_t u = first; u < first + size; ++u) score += projected[t][u] * row[hidden + u];
      scores.push_back(score / std::sqrt(static_cast<double>(size)));
    }
    const double highest = *std::max_element(scores.begin(), scores.end());
    double weights = 0;
    Vector sum(size);
    for (size_t row = 0; row < projected.size(); ++row) {
      const double weight = std::exp(scores[row] - highest);
      weights += weight;
      for (size_t u = 0; u < size; ++u) sum[u] += weight * projected[row][2 * hidden + first + u];
    }
    for (double& value : sum) value /= weights;
    return sum;
  }

  // Mean 0 and variance 1 over the units, then scaled and shifted (Ba et al. 2016).
  Vector Normalized(const std::string& norm, const Vector& x) const {
    const std::span<const float> scale = TensorValues(spec_, weights_, norm + ".weight");
    const std::span<const float> shift = TensorValues(spec_, weights_, norm + ".bias");
    const auto count = static_cast<double>(x.size());
    const double mean = std::accumulate(x.begin(), x.end(), 0.0) / count;
    double variance = 0;
    for (double value : x) variance += (value - mean) * (value - mean) / count;
    Vector y;
    for (size_t u = 0; u < x.size(); ++u) {
      y.push_back((x[u] - mean) / std::sqrt(variance + kNormEpsilon) * scale[u] + shift[u]);
    }
    return y;
  }

  const ModelSpec& spec_;
  const Weights& weights_;
};

// asinh of target t's candidates, then its features.
Vector DecoderInputs(const ModelSpec& spec, const TargetFeatures& targets, size_t t) {
  const auto features = static_cast<size_t>(spec.target_features());
  Vector x;
  for (size_t j = 0; j < kCandidates; ++j) {
    x.push_back(std::asinh(static_cast<double>(targets.candidates[t * kCandidates + j])));
  }
  for (size_t j = 0; j < features; ++j) {
    x.push_back(targets.features[t * features + j]);
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
  for (size_t t = 0; t < targets.candidates.size() / kCandidates; ++t) {
    Vector a = network.Linear("decoder.target.weight", "decoder.target.bias",
                              DecoderInputs(spec, targets, t));
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
  const size_t count = targets.candidates.size() / kCandidates;
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
