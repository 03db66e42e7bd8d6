#include "model/engine/network_reference.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <string>

#include "gtest/gtest.h"
#include "model/engine/test_data.h"
#include "model/testing/close.h"

namespace auspex::model {
namespace {

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// Features of one target without any content but what a test sets.
struct Inputs {
  explicit Inputs(const ModelSpec& spec) {
    window.window.assign(kWindowFeatures, 0);
    window.patches.assign(static_cast<size_t>(spec.patches()) * spec.patch_inputs(), 0);
    targets.candidates.assign(kCandidates, 0);
    targets.features.assign(kTargetFeatures, 0);
  }
  WindowFeatures window;
  TargetFeatures targets;
};

// Weights that are zero but for what is set by tensor name and index.
class SparseWeights {
 public:
  explicit SparseWeights(const ModelSpec& spec)
      : spec_(spec), values_(static_cast<size_t>(ParameterCount(spec))) {}
  SparseWeights& Set(const std::string& tensor, size_t index, float value) {
    size_t offset = 0;
    for (const TensorShape& shape : TensorShapes(spec_)) {
      if (shape.name == tensor) values_[offset + index] = value;
      offset += static_cast<size_t>(shape.elements());
    }
    return *this;
  }
  Weights Get() const { return Weights::FromVector(values_); }

 private:
  ModelSpec spec_;
  std::vector<float> values_;
};

// One unit, two patches: every number below follows from the LSTM's definition by hand.
TEST(NetworkReferenceTest, LstmGatesAreInLibTorchsOrder) {
  const ModelSpec spec{.hidden = 1, .decoder_width = 4, .step_ms = 3'600'000, .context_steps = 48};
  ASSERT_EQ(spec.patches(), 2);
  SparseWeights weights(spec);
  weights
      .Set("encoder.weight_ih_l0", 0 * 29, 0.5F)    // input gate, first patch value
      .Set("encoder.weight_ih_l0", 1 * 29, -0.25F)  // forget gate
      .Set("encoder.weight_ih_l0", 2 * 29, 1.5F)    // cell
      .Set("encoder.weight_ih_l0", 3 * 29, 2.0F)    // output gate
      .Set("encoder.bias_ih_l0", 0, 0.1F)
      .Set("encoder.bias_hh_l0", 1, 0.7F)
      .Set("encoder.bias_hh_l0", 2, -0.2F)
      .Set("encoder.weight_hh_l0", 2, 3.0F)
      .Set("encoder.weight_hh_l0", 3, -1.0F)
      .Set("decoder.window.weight", 0, 1)  // the encoder's output is the first column
      .Set("decoder.hidden.weight", 0, 1)
      .Set("decoder.output.weight", kOutputCorrection * 4, 1);
  Inputs inputs(spec);
  inputs.window.patches[0] = 1;
  inputs.window.patches[29] = 0.5F;

  const double c1 = Sigmoid(0.5 + 0.1F) * std::tanh(1.5 - 0.2F);
  const double h1 = Sigmoid(2.0) * std::tanh(c1);
  const double c2 =
      Sigmoid(-0.125 + 0.7F) * c1 + Sigmoid(0.25 + 0.1F) * std::tanh(0.75 - 0.2F + 3 * h1);
  const double h2 = Sigmoid(1.0 - h1) * std::tanh(c2);
  ASSERT_GT(h2, 0);
  const auto outputs = DecoderOutputs(spec, weights.Get(), inputs.window, inputs.targets);
  EXPECT_NEAR(outputs[kOutputCorrection], h2, 1e-12);
}

// Two steps of a single unit: the reset gate acts on the recurrent product and its bias alone.
TEST(NetworkReferenceTest, GruMatchesTheFormulas) {
  const ModelSpec spec{.cell = Cell::kGru,
                       .hidden = 1,
                       .decoder_width = 4,
                       .step_ms = 3'600'000,
                       .context_steps = 48};
  SparseWeights weights(spec);
  const auto inputs_per_step = static_cast<size_t>(spec.patch_inputs());
  weights.Set("encoder.weight_ih_l0", 0, 0.5F)
      .Set("encoder.weight_ih_l0", inputs_per_step, -0.25F)
      .Set("encoder.weight_ih_l0", 2 * inputs_per_step, 1.5F)
      .Set("encoder.bias_ih_l0", 1, 0.5F)
      .Set("encoder.bias_ih_l0", 2, 0.125F)
      .Set("encoder.bias_hh_l0", 0, 0.25F)
      .Set("encoder.bias_hh_l0", 2, -0.75F)
      .Set("encoder.weight_hh_l0", 0, 2)
      .Set("encoder.weight_hh_l0", 1, -1)
      .Set("encoder.weight_hh_l0", 2, 3)
      .Set("decoder.window.weight", 0, 1)  // the encoder's output is the first column
      .Set("decoder.hidden.weight", 0, 1)
      .Set("decoder.output.weight", kOutputCorrection * 4, 1);
  Inputs inputs(spec);
  inputs.window.patches[0] = 1;
  inputs.window.patches[inputs_per_step] = 0.5F;

  const double n1 = std::tanh(1.5 + 0.125 + Sigmoid(0.5 + 0.25) * -0.75);
  const double h1 = (1 - Sigmoid(-0.25 + 0.5)) * n1;
  const double z2 = Sigmoid(-0.125 + 0.5 - h1);
  const double n2 = std::tanh(0.75 + 0.125 + Sigmoid(0.25 + 0.25 + 2 * h1) * (3 * h1 - 0.75));
  const double h2 = (1 - z2) * n2 + z2 * h1;
  ASSERT_GT(h2, 0);
  const auto outputs = DecoderOutputs(spec, weights.Get(), inputs.window, inputs.targets);
  EXPECT_NEAR(outputs[kOutputCorrection], h2, 1e-12);
}

// Two patches, two units, two heads of one unit each. Units differ by a sign after every norm, so
// that the norms' factor is all that remains of them.
TEST(NetworkReferenceTest, TransformerMatchesTheFormulas) {
  const ModelSpec spec{.cell = Cell::kTransformer,
                       .hidden = 2,
                       .decoder_width = 4,
                       .step_ms = 3'600'000,
                       .context_steps = 48};
  ASSERT_EQ(spec.patches(), 2);
  ASSERT_EQ(spec.heads(), 2);
  const auto inputs_per_step = static_cast<size_t>(spec.patch_inputs());
  const std::string attention = "encoder.layers.0.self_attn.";
  SparseWeights weights(spec);
  weights.Set("encoder.embedding.weight", 0, 2)
      .Set("encoder.embedding.bias", 1, 0.5F)
      .Set("encoder.position", 1, -0.25F)  // older patch, second unit
      .Set("encoder.position", 2, 0.75F)   // newer patch, first unit
      .Set("encoder.layers.0.norm1.weight", 0, 1)
      .Set("encoder.layers.0.norm1.weight", 1, 3)
      .Set(attention + "in_proj_weight", 0 * 2 + 0, 0.5F)  // query of the first head
      .Set(attention + "in_proj_weight", 1 * 2 + 1, -1)    // query of the second
      .Set(attention + "in_proj_weight", 2 * 2 + 0, 1.5F)  // keys
      .Set(attention + "in_proj_weight", 3 * 2 + 1, 0.25F)
      .Set(attention + "in_proj_weight", 4 * 2 + 0, 1)  // values
      .Set(attention + "in_proj_weight", 5 * 2 + 1, -2)
      .Set(attention + "in_proj_bias", 3, 0.125F)
      .Set(attention + "out_proj.weight", 0, 1)
      .Set(attention + "out_proj.weight", 3, 2)
      .Set(attention + "out_proj.bias", 0, 0.375F)
      .Set("encoder.layers.0.norm2.weight", 0, 1)
      .Set("encoder.layers.0.norm2.bias", 1, 0.5F)
      .Set("encoder.layers.0.linear1.weight", 3 * 2 + 0, -2)  // inner unit 3
      .Set("encoder.layers.0.linear1.weight", 3 * 2 + 1, 1)
      .Set("encoder.layers.0.linear2.weight", 0 * 4 + 3, 0.5F)
      .Set("encoder.layers.0.linear2.bias", 1, -0.125F)
      .Set("encoder.norm.weight", 0, 4)
      .Set("encoder.norm.bias", 0, 7)
      .Set("decoder.window.weight", 0, 1)  // the encoder's output is the first column
      .Set("decoder.hidden.weight", 0, 1)
      .Set("decoder.output.weight", kOutputCorrection * 4, 1);
  Inputs inputs(spec);
  inputs.window.patches[0] = 1;
  inputs.window.patches[inputs_per_step] = -0.5F;

  // The first unit of a row after a norm without scale; the second is its negative.
  const auto normed = [](double first, double second) {
    const double half = (first - second) / 2;
    return half / std::sqrt(half * half + 1e-5);
  };
  const double older = normed(2, 0.5 - 0.25);
  const double newer = normed(-1 + 0.75, 0.5);
  // Keys of the two patches give the older one this share of a head.
  const auto share = [](double query, double key_older, double key_newer) {
    return Sigmoid(query * (key_older - key_newer));
  };
  const double first_share = share(0.5 * newer, 1.5 * older, 1.5 * newer);
  const double second_share = share(3 * newer, -0.75 * older + 0.125, -0.75 * newer + 0.125);
  const double first = -0.25 + 0.375 + first_share * older + (1 - first_share) * newer;
  const double second = 0.5 + 2 * 6 * (second_share * older + (1 - second_share) * newer);
  const double inner = std::max(0.0, -2 * normed(first, second) + 0.5);
  const double output = 4 * normed(first + 0.5 * inner, second - 0.125) + 7;
  ASSERT_GT(output, 0);
  ASSERT_GT(inner, 0);
  const auto outputs = DecoderOutputs(spec, weights.Get(), inputs.window, inputs.targets);
  EXPECT_NEAR(outputs[kOutputCorrection], output, 1e-12);
}

TEST(NetworkReferenceTest, DecoderAddsWindowAndTargetBeforeTheFirstRelu) {
  const ModelSpec spec{.cell = Cell::kNone, .decoder_width = 4};
  SparseWeights weights(spec);
  weights
      .Set("decoder.window.weight", 1 * kWindowFeatures + 2, 2)  // unit 1, window feature 2
      .Set("decoder.window.bias", 1, 0.5F)
      .Set("decoder.target.weight", 1 * (kCandidates + kTargetFeatures) + 3, 1)  // candidate 3
      .Set("decoder.target.weight", 1 * (kCandidates + kTargetFeatures) + kCandidates,
           -4)  // target feature 0
      .Set("decoder.target.bias", 1, 0.25F)
      .Set("decoder.hidden.weight", 2 * 4 + 1, 3)
      .Set("decoder.hidden.bias", 2, -1)
      .Set("decoder.output.weight", 5 * 4 + 2, 10)
      .Set("decoder.output.bias", 5, 0.125F);
  Inputs inputs(spec);
  inputs.window.window[2] = 3;
  inputs.targets.candidates[3] = 1000;
  inputs.targets.features[0] = 0.5F;
  const double first = 2 * 3 + 0.5 + std::asinh(1000.0) - 4 * 0.5 + 0.25;
  const auto outputs = DecoderOutputs(spec, weights.Get(), inputs.window, inputs.targets);
  EXPECT_NEAR(outputs[5], 10 * (3 * first - 1) + 0.125, 1e-9);
  inputs.targets.features[0] = 10;  // both layers are cut off below zero
  EXPECT_EQ(DecoderOutputs(spec, weights.Get(), inputs.window, inputs.targets)[5], 0.125);
}

TEST(NetworkReferenceTest, UntrainedNetworkIsABlendByRecentErrors) {
  const ModelSpec spec;
  Inputs inputs(spec);
  for (size_t j = 0; j < kCandidates; ++j) {
    inputs.targets.candidates[j] = static_cast<float>(j);
    inputs.window.window[kShapeFeatures + j] = 4;
  }
  inputs.window.window[kShapeFeatures + 6] = 0;
  const auto z = NetworkOutputs(spec, UntrainedWeights(spec), inputs.window, inputs.targets);
  constexpr double kSum = kCandidates * (kCandidates - 1) / 2.0;
  const double others = (kCandidates - 1) * std::exp(-4.0);
  const double expected = (6 + (kSum - 6) * std::exp(-4.0)) / (1 + others);
  EXPECT_NEAR(z[1], expected, 1e-6);
  EXPECT_NEAR(z[1] - z[0], 0.474, 1e-5);
  EXPECT_NEAR(z[2] - z[1], 0.474, 1e-5);
}

}  // namespace
}  // namespace auspex::model
