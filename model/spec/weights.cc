#include "model/spec/weights.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace auspex::model {
namespace {

// Starting values of the decoder's output (accuracy: see docs/model.md).
constexpr double kSpreadAtStart = 0.474;  // from the median to the outermost level, in scales
constexpr float kGateAtStart = -2;        // sigmoid(-2): a correction starts at an eighth
constexpr float kStayAtStart = -3;        // "no change" starts as unlikely as in noise

// SplitMix64 (Steele, Lea, Flood 2014): the same numbers on every machine and library.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  // Uniform in [-bound, bound).
  float Uniform(double bound) {
    state_ += 0x9e3779b97f4a7c15;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    z ^= z >> 31;
    const double unit = static_cast<double>(z >> 11) * 0x1p-53;
    return static_cast<float>((2 * unit - 1) * bound);
  }

 private:
  uint64_t state_;
};

// The bias whose softplus, summed over the levels of one side, reaches kSpreadAtStart.
float SpreadBias(int levels_of_side) {
  return static_cast<float>(std::log(std::expm1(kSpreadAtStart / levels_of_side)));
}

void FillOutputBias(const ModelSpec& spec, float* bias) {
  std::fill_n(bias, spec.decoder_outputs(), 0.0F);
  bias[kOutputGate] = kGateAtStart;
  bias[kOutputStay] = kStayAtStart;
  const int levels = static_cast<int>(spec.quantiles.size());
  const int below = spec.median_index();
  for (int i = 0; i < levels - 1; ++i) {
    bias[kOutputSpreads + i] = SpreadBias(i < below ? below : levels - 1 - below);
  }
}

// LibTorch draws both the weights and the biases of a layer from +-1/sqrt(inputs), and all of a
// recurrent layer from +-1/sqrt(hidden).
double StartBound(const ModelSpec& spec, const std::string& name) {
  if (name.starts_with("encoder.embedding.")) return 1 / std::sqrt(spec.patch_inputs());
  if (name.find(".linear2.") != std::string::npos) return 1 / std::sqrt(spec.feed_forward());
  if (name.starts_with("encoder.")) return 1 / std::sqrt(spec.hidden);
  if (name.starts_with("decoder.window.")) {
    return 1 / std::sqrt(spec.encoder_outputs() + kWindowFeatures);
  }
  if (name.starts_with("decoder.target.")) return 1 / std::sqrt(kCandidates + kTargetFeatures);
  return 1 / std::sqrt(spec.decoder_width);
}

// Inputs of a layer that start without weight, the last of them: what covariates and special days
// add.
int IdleInputs(const ModelSpec& spec, const std::string& name) {
  if (name == "decoder.window.weight") return spec.window_features() - kWindowFeatures;
  if (name == "decoder.target.weight") return spec.target_features() - kTargetFeatures;
  return 0;
}

bool IsNorm(const std::string& name) { return name.find(".norm") != std::string::npos; }

void FillNorm(const std::string& name, float* begin, float* end) {
  std::fill(begin, end, name.ends_with(".weight") ? 1.0F : 0.0F);
}

std::vector<TensorShape> RecurrentShapes(const ModelSpec& spec) {
  const int64_t hidden = spec.hidden;
  const int64_t gates = (spec.cell == Cell::kGru ? 3 : 4) * hidden;
  std::vector<TensorShape> shapes;
  for (int layer = 0; layer < spec.layers; ++layer) {
    const int64_t inputs = layer == 0 ? spec.patch_inputs() : hidden;
    shapes.push_back({absl::StrCat("encoder.weight_ih_l", layer), {gates, inputs}});
    shapes.push_back({absl::StrCat("encoder.weight_hh_l", layer), {gates, hidden}});
    shapes.push_back({absl::StrCat("encoder.bias_ih_l", layer), {gates}});
    shapes.push_back({absl::StrCat("encoder.bias_hh_l", layer), {gates}});
  }
  return shapes;
}

std::vector<TensorShape> TransformerShapes(const ModelSpec& spec) {
  const int64_t hidden = spec.hidden;
  const int64_t inner = spec.feed_forward();
  std::vector<TensorShape> shapes = {{"encoder.embedding.weight", {hidden, spec.patch_inputs()}},
                                     {"encoder.embedding.bias", {hidden}},
                                     {"encoder.position", {spec.patches(), hidden}}};
  for (int layer = 0; layer < spec.layers; ++layer) {
    const auto add = [&](const char* tensor, std::vector<int64_t> shape) {
      shapes.push_back({absl::StrCat("encoder.layers.", layer, ".", tensor), std::move(shape)});
    };
    add("self_attn.in_proj_weight", {3 * hidden, hidden});
    add("self_attn.in_proj_bias", {3 * hidden});
    add("self_attn.out_proj.weight", {hidden, hidden});
    add("self_attn.out_proj.bias", {hidden});
    add("linear1.weight", {inner, hidden});
    add("linear1.bias", {inner});
    add("linear2.weight", {hidden, inner});
    add("linear2.bias", {hidden});
    add("norm1.weight", {hidden});
    add("norm1.bias", {hidden});
    add("norm2.weight", {hidden});
    add("norm2.bias", {hidden});
  }
  shapes.push_back({"encoder.norm.weight", {hidden}});
  shapes.push_back({"encoder.norm.bias", {hidden}});
  return shapes;
}

std::vector<TensorShape> EncoderShapes(const ModelSpec& spec) {
  switch (spec.cell) {
    case Cell::kLstm:
    case Cell::kGru:
      return RecurrentShapes(spec);
    case Cell::kTransformer:
      return TransformerShapes(spec);
    case Cell::kNone:
      return {};
  }
  return {};
}

// Of one member.
std::vector<TensorShape> NetworkShapes(const ModelSpec& spec) {
  const int64_t width = spec.decoder_width;
  const int64_t outputs = spec.decoder_outputs();
  std::vector<TensorShape> shapes = EncoderShapes(spec);
  shapes.push_back({"decoder.window.weight", {width, spec.window_inputs()}});
  shapes.push_back({"decoder.window.bias", {width}});
  shapes.push_back({"decoder.target.weight", {width, spec.target_inputs()}});
  shapes.push_back({"decoder.target.bias", {width}});
  shapes.push_back({"decoder.hidden.weight", {width, width}});
  shapes.push_back({"decoder.hidden.bias", {width}});
  shapes.push_back({"decoder.output.weight", {outputs, width}});
  shapes.push_back({"decoder.output.bias", {outputs}});
  shapes.push_back({"decoder.tau", {1}});
  return shapes;
}

// Fills one member from `next` on; returns where it ends.
float* FillUntrained(const ModelSpec& spec, Random* random, float* next) {
  for (const TensorShape& tensor : NetworkShapes(spec)) {
    float* end = next + tensor.elements();
    if (tensor.name == "decoder.output.weight") {
      std::fill(next, end, 0.0F);
    } else if (tensor.name == "decoder.output.bias") {
      FillOutputBias(spec, next);
    } else if (tensor.name == "decoder.tau") {
      *next = 1;
    } else if (IsNorm(tensor.name)) {
      FillNorm(tensor.name, next, end);
    } else {
      const double bound = StartBound(spec, tensor.name);
      const int64_t columns = tensor.shape.back();
      const int64_t drawn = columns - IdleInputs(spec, tensor.name);
      for (float* row = next; row < end; row += columns) {
        std::generate_n(row, drawn, [&] { return random->Uniform(bound); });
        std::fill_n(row + drawn, columns - drawn, 0.0F);
      }
    }
    next = end;
  }
  return next;
}

}  // namespace

int64_t TensorShape::elements() const {
  int64_t product = 1;
  for (int64_t extent : shape) product *= extent;
  return product;
}

std::vector<TensorShape> TensorShapes(const ModelSpec& spec) {
  std::vector<TensorShape> network = NetworkShapes(spec);
  if (spec.members == 1) return network;
  std::vector<TensorShape> shapes;
  for (int member = 0; member < spec.members; ++member) {
    for (const TensorShape& tensor : network) {
      shapes.push_back({absl::StrCat("member.", member, ".", tensor.name), tensor.shape});
    }
  }
  return shapes;
}

int64_t ParameterCount(const ModelSpec& spec) {
  int64_t count = 0;
  for (const TensorShape& tensor : TensorShapes(spec)) count += tensor.elements();
  return count;
}

Weights Weights::FromVector(std::vector<float> values) {
  auto owner = std::make_shared<const std::vector<float>>(std::move(values));
  const std::span<const float> view(*owner);
  return Weights(view, std::move(owner));
}

absl::Status CheckWeights(const ModelSpec& spec, const Weights& weights) {
  if (absl::Status status = spec.Validate(); !status.ok()) return status;
  const auto count = static_cast<size_t>(ParameterCount(spec));
  if (weights.values().size() != count) {
    return absl::InvalidArgumentError(absl::StrCat("model weights: ", weights.values().size(),
                                                   " values, the spec needs ", count));
  }
  const float* next = weights.values().data();
  for (const TensorShape& tensor : TensorShapes(spec)) {
    const float* end = next + tensor.elements();
    if (!std::all_of(next, end, [](float value) { return std::isfinite(value); })) {
      return absl::InvalidArgumentError(
          absl::StrCat("model weights: ", tensor.name, " holds a value that is not finite"));
    }
    next = end;
  }
  return absl::OkStatus();
}

std::span<const float> TensorValues(const ModelSpec& spec, const Weights& weights,
                                    std::string_view name) {
  size_t offset = 0;
  for (const TensorShape& tensor : TensorShapes(spec)) {
    const auto elements = static_cast<size_t>(tensor.elements());
    if (tensor.name == name) return weights.values().subspan(offset, elements);
    offset += elements;
  }
  return {};
}

Weights UntrainedWeights(const ModelSpec& spec, uint64_t seed) {
  std::vector<float> values(static_cast<size_t>(ParameterCount(spec)));
  Random random(seed);
  float* next = values.data();
  for (int member = 0; member < spec.members; ++member) next = FillUntrained(spec, &random, next);
  return Weights::FromVector(std::move(values));
}

}  // namespace auspex::model
