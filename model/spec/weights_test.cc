#include "model/spec/weights.h"

#include <cmath>
#include <limits>
#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace auspex::model {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Ne;

TEST(WeightsTest, ShapesAreLibTorchs) {
  const ModelSpec spec{.hidden = 5, .layers = 2, .decoder_width = 8};
  std::map<std::string, std::vector<int64_t>> shapes;
  for (const TensorShape& tensor : TensorShapes(spec)) shapes[tensor.name] = tensor.shape;
  EXPECT_EQ(shapes.size(), 2 * 4 + 9);
  EXPECT_THAT(shapes["encoder.weight_ih_l0"], ElementsAre(20, 32));
  EXPECT_THAT(shapes["encoder.weight_ih_l1"], ElementsAre(20, 5));
  EXPECT_THAT(shapes["encoder.weight_hh_l1"], ElementsAre(20, 5));
  EXPECT_THAT(shapes["encoder.bias_hh_l1"], ElementsAre(20));
  EXPECT_THAT(shapes["decoder.window.weight"], ElementsAre(8, 5 + 47));
  EXPECT_THAT(shapes["decoder.target.weight"], ElementsAre(8, 29));
  EXPECT_THAT(shapes["decoder.output.weight"], ElementsAre(26, 8));
  EXPECT_THAT(shapes["decoder.tau"], ElementsAre(1));
}

TEST(WeightsTest, AGruHasThreeGates) {
  const ModelSpec spec{.cell = Cell::kGru, .hidden = 5, .layers = 2, .decoder_width = 8};
  std::map<std::string, std::vector<int64_t>> shapes;
  for (const TensorShape& tensor : TensorShapes(spec)) shapes[tensor.name] = tensor.shape;
  EXPECT_EQ(shapes.size(), 2 * 4 + 9);
  EXPECT_THAT(shapes["encoder.weight_ih_l0"], ElementsAre(15, 32));
  EXPECT_THAT(shapes["encoder.weight_hh_l1"], ElementsAre(15, 5));
  EXPECT_THAT(shapes["encoder.bias_hh_l1"], ElementsAre(15));
  EXPECT_THAT(shapes["decoder.window.weight"], ElementsAre(8, 5 + kWindowFeatures));
}

TEST(WeightsTest, ATransformerHasPyTorchsLayers) {
  const ModelSpec spec{.cell = Cell::kTransformer, .hidden = 6, .layers = 2, .decoder_width = 8};
  std::map<std::string, std::vector<int64_t>> shapes;
  for (const TensorShape& tensor : TensorShapes(spec)) shapes[tensor.name] = tensor.shape;
  EXPECT_EQ(shapes.size(), 3 + 2 * 12 + 2 + 9);
  EXPECT_THAT(shapes["encoder.embedding.weight"], ElementsAre(6, 32));
  EXPECT_THAT(shapes["encoder.position"], ElementsAre(14, 6));
  EXPECT_THAT(shapes["encoder.layers.0.self_attn.in_proj_weight"], ElementsAre(18, 6));
  EXPECT_THAT(shapes["encoder.layers.1.self_attn.out_proj.bias"], ElementsAre(6));
  EXPECT_THAT(shapes["encoder.layers.1.linear1.weight"], ElementsAre(12, 6));
  EXPECT_THAT(shapes["encoder.layers.1.linear2.weight"], ElementsAre(6, 12));
  EXPECT_THAT(shapes["encoder.norm.weight"], ElementsAre(6));
  EXPECT_THAT(shapes["decoder.window.weight"], ElementsAre(8, 6 + kWindowFeatures));
}

TEST(WeightsTest, AnotherSeedDrawsOtherWeights) {
  const ModelSpec spec;
  const auto values = [&](uint64_t seed) {
    const Weights weights = UntrainedWeights(spec, seed);
    return std::vector<float>(weights.values().begin(), weights.values().end());
  };
  EXPECT_EQ(values(5), values(5));
  EXPECT_NE(values(5), values(6));
}

TEST(WeightsTest, ATransformersNormsStartAsTheIdentity) {
  const ModelSpec spec{.cell = Cell::kTransformer};
  const Weights weights = UntrainedWeights(spec);
  ASSERT_TRUE(CheckWeights(spec, weights).ok());
  for (const char* norm : {"encoder.layers.0.norm1", "encoder.layers.0.norm2", "encoder.norm"}) {
    EXPECT_THAT(TensorValues(spec, weights, std::string(norm) + ".weight"), Each(1)) << norm;
    EXPECT_THAT(TensorValues(spec, weights, std::string(norm) + ".bias"), Each(0)) << norm;
  }
  EXPECT_THAT(TensorValues(spec, weights, "encoder.position"), Each(Ne(0)));
}

TEST(WeightsTest, ATransformerIsAboutAsLargeAsAnLstm) {
  const auto lstm = static_cast<double>(ParameterCount(ModelSpec{}));
  const auto transformer =
      static_cast<double>(ParameterCount(ModelSpec{.cell = Cell::kTransformer}));
  EXPECT_NEAR(transformer / lstm, 1, 0.1);
}

TEST(WeightsTest, DefaultNetworkHasAboutEightThousandParameters) {
  EXPECT_EQ(ParameterCount(ModelSpec{}), 8123);
  EXPECT_LT(ParameterCount({.cell = Cell::kNone}), 4500);
}

TEST(WeightsTest, TensorValuesAreTheNamedSlices) {
  const ModelSpec spec{.cell = Cell::kNone, .decoder_width = 4};
  std::vector<float> values(static_cast<size_t>(ParameterCount(spec)));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  const Weights weights = Weights::FromVector(values);
  const std::span<const float> window = TensorValues(spec, weights, "decoder.window.weight");
  EXPECT_EQ(window.front(), 0);
  EXPECT_EQ(window.size(), 4 * kWindowFeatures);
  EXPECT_EQ(TensorValues(spec, weights, "decoder.window.bias").front(), 4 * kWindowFeatures);
  EXPECT_EQ(TensorValues(spec, weights, "decoder.tau").front(), values.back());
}

TEST(WeightsTest, CheckFindsWrongSizesAndNumbers) {
  const ModelSpec spec;
  EXPECT_TRUE(CheckWeights(spec, UntrainedWeights(spec)).ok());
  EXPECT_FALSE(CheckWeights(spec, Weights()).ok());
  EXPECT_FALSE(CheckWeights(spec, UntrainedWeights({.hidden = 15})).ok());
  EXPECT_FALSE(CheckWeights({.hidden = 0}, Weights()).ok());
  for (float bad : {std::numeric_limits<float>::quiet_NaN(), HUGE_VALF}) {
    const Weights good = UntrainedWeights(spec);
    std::vector<float> values(good.values().begin(), good.values().end());
    values.back() = bad;
    const absl::Status status = CheckWeights(spec, Weights::FromVector(values));
    EXPECT_THAT(std::string(status.message()), HasSubstr("decoder.tau"));
  }
}

TEST(UntrainedWeightsTest, IsADampedBlendAndDeterministic) {
  const ModelSpec spec{.quantiles = {0.1, 0.25, 0.5, 0.9}};
  const Weights weights = UntrainedWeights(spec);
  for (float weight : TensorValues(spec, weights, "decoder.output.weight")) EXPECT_EQ(weight, 0);
  const std::span<const float> bias = TensorValues(spec, weights, "decoder.output.bias");
  for (int j = 0; j < kCandidates; ++j) EXPECT_EQ(bias[static_cast<size_t>(j)], 0);
  const auto softplus = [](float x) { return std::log1p(std::exp(x)); };
  EXPECT_NEAR(softplus(bias[kOutputSpreads]) + softplus(bias[kOutputSpreads + 1]), 0.474, 1e-4);
  EXPECT_NEAR(softplus(bias[kOutputSpreads + 2]), 0.474, 1e-4);
  EXPECT_THAT(UntrainedWeights(spec).values(),
              ::testing::ElementsAreArray(weights.values().begin(), weights.values().end()));
}

// Whatever covariates and special days say, the network starts as the one without them.
TEST(UntrainedWeightsTest, CovariatesAndSpecialDaysStartWithoutWeight) {
  const ModelSpec plain;
  const ModelSpec spec{.covariates = {"a", "b"}, .special_days = {19'000}};
  const Weights before = UntrainedWeights(plain);
  const Weights after = UntrainedWeights(spec);
  for (const TensorShape& tensor : TensorShapes(plain)) {
    const auto columns = static_cast<size_t>(tensor.shape.back());
    const std::span<const float> old = TensorValues(plain, before, tensor.name);
    const std::span<const float> values = TensorValues(spec, after, tensor.name);
    const size_t rows = old.size() / columns;
    const size_t width = values.size() / rows;
    for (size_t row = 0; row < rows; ++row) {
      for (size_t i = 0; i < width; ++i) {
        const float expected = i < columns ? old[row * columns + i] : 0;
        ASSERT_EQ(values[row * width + i], expected) << tensor.name << ' ' << row << ' ' << i;
      }
    }
  }
}

TEST(UntrainedWeightsTest, InnerLayersAreSpreadOverTheirBounds) {
  const ModelSpec spec;
  const Weights weights = UntrainedWeights(spec);
  float low = 0;
  float high = 0;
  for (float value : TensorValues(spec, weights, "encoder.weight_ih_l0")) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  EXPECT_GE(low, -0.25F);
  EXPECT_LE(high, 0.25F);
  EXPECT_LT(low, -0.24F);
  EXPECT_GT(high, 0.24F);
}

TEST(WeightsTest, KeepsItsOwnerAlive) {
  auto owner = std::make_shared<std::vector<float>>(3, 1.5F);
  const std::weak_ptr<std::vector<float>> watch = owner;
  Weights weights(*owner, owner);
  owner.reset();
  EXPECT_FALSE(watch.expired());
  EXPECT_EQ(weights.values()[2], 1.5F);
  weights = Weights();
  EXPECT_TRUE(watch.expired());
}

}  // namespace
}  // namespace auspex::model
