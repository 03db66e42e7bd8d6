#include "model/engine/ensemble_engine.h"

#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/engine/test_data.h"
#include "model/spec/members.h"

namespace auspex::model {
namespace {

using ::testing::Each;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsNan;
using ::testing::Not;

const ModelSpec kSpec{
    .members = 3, .step_ms = 3'600'000, .horizon_steps = 30, .context_steps = 336};
constexpr size_t kValues = 30 * 3;

class EnsembleEngineTest : public ::testing::TestWithParam<const char*> {
 protected:
  // What the three members forecast, one by one and each in a call of its own.
  std::vector<float> MedianOfSingleForecasts(const Weights& weights, const ForecastItem& item) {
    std::vector<float> answers;
    for (int m = 0; m < kSpec.members; ++m) {
      const auto answer =
          ForecastContext(GetParam(), MemberSpec(kSpec), MemberWeights(kSpec, weights, m),
                          item.context, item.blend);
      answers.insert(answers.end(), answer.begin(), answer.end());
    }
    std::vector<float> medians(kValues);
    MedianOfMembers(answers, medians);
    return medians;
  }

  std::mt19937 random_{11};
  EnsembleEngine engine_{MakeTestEngine(GetParam())};
};

TEST_P(EnsembleEngineTest, ForecastsTheMedianOfItsMembers) {
  constexpr size_t kItems = 20;  // some with the window of the one before
  std::vector<Weights> weights;
  std::vector<std::vector<float>> contexts;
  std::vector<std::shared_ptr<const PreparedModel>> models;
  std::vector<ForecastItem> items;
  for (size_t i = 0; i < kItems; ++i) {
    weights.push_back(RandomWeights(kSpec, random_));
    contexts.push_back(RandomContext(kSpec, random_));
    models.push_back(*engine_.Prepare(kSpec, weights.back()));
    items.push_back({.model = models.back().get(),
                     .context = contexts[i / 2 * 2],
                     .origin_ms = kOriginMs,
                     .blend = i % 3 == 0 ? Blend{.network = 0.5F, .last = 0.5F} : Blend()});
  }
  std::vector<float> out(kItems * kValues);
  ASSERT_TRUE(engine_.Forecast(kSpec, items, out).ok());
  for (size_t i = 0; i < kItems; ++i) {
    EXPECT_THAT(std::span(out).subspan(i * kValues, kValues),
                ElementsAreArray(MedianOfSingleForecasts(weights[i], items[i])))
        << i;
  }
}

TEST_P(EnsembleEngineTest, OneWindowAtTwoTimesIsTwoWindows) {
  const Weights weights = RandomWeights(kSpec, random_);
  const auto model = *engine_.Prepare(kSpec, weights);
  const std::vector<float> context = RandomContext(kSpec, random_);
  constexpr int64_t kHours = 7 * 3'600'000;
  const std::vector<ForecastItem> items = {
      {.model = model.get(), .context = context, .origin_ms = kOriginMs - kHours},
      {.model = model.get(), .context = context, .origin_ms = kOriginMs}};
  std::vector<float> out(2 * kValues);
  ASSERT_TRUE(engine_.Forecast(kSpec, items, out).ok());
  const auto later = std::span(out).subspan(kValues);
  EXPECT_THAT(later, ElementsAreArray(MedianOfSingleForecasts(weights, items[1])));
  EXPECT_THAT(later, Not(ElementsAreArray(std::span(out).first(kValues))));
}

TEST_P(EnsembleEngineTest, NoValueGivesNaN) {
  const auto model = *engine_.Prepare(kSpec, RandomWeights(kSpec, random_));
  const std::vector<float> nothing(336, kMissing);
  const ForecastItem item{.model = model.get(), .context = nothing, .origin_ms = kOriginMs};
  std::vector<float> out(kValues);
  ASSERT_TRUE(engine_.Forecast(kSpec, {&item, 1}, out).ok());
  EXPECT_THAT(out, Each(IsNan()));
}

TEST_P(EnsembleEngineTest, RefusesModelsWithOtherMembers) {
  const auto alone = *engine_.Prepare(MemberSpec(kSpec), UntrainedWeights(MemberSpec(kSpec)));
  const auto three = *engine_.Prepare(kSpec, UntrainedWeights(kSpec));
  const std::vector<float> context = RandomContext(kSpec, random_);
  std::vector<float> out(2 * kValues);
  const auto forecast = [&](const ModelSpec& spec, const PreparedModel* second,
                            const PreparedModel* first) {
    const std::vector<ForecastItem> items = {{.model = first, .context = context},
                                             {.model = second, .context = context}};
    return std::string(engine_.Forecast(spec, items, out).message());
  };
  EXPECT_THAT(forecast(kSpec, alone.get(), three.get()), HasSubstr("item 1 has no model"));
  EXPECT_THAT(forecast(MemberSpec(kSpec), three.get(), alone.get()), HasSubstr("item 1 has"));
  EXPECT_FALSE(engine_.Prepare(kSpec, UntrainedWeights(MemberSpec(kSpec))).ok());
  const Weights weights = UntrainedWeights(kSpec);
  std::vector<float> more(weights.values().begin(), weights.values().end());
  for (int rest = 1; rest <= kSpec.members; ++rest) {
    more.push_back(0);
    EXPECT_FALSE(engine_.Prepare(kSpec, Weights::FromVector(more)).ok()) << rest;
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, EnsembleEngineTest,
                         ::testing::Values("scalar", "cpu", "cpu-bfloat16", "emulated"),
                         [](const auto& backend) {
                           std::string name = backend.param;
                           std::erase(name, '-');
                           return name;
                         });

// More networks than one call of the inner engine takes.
TEST(EnsembleEngineOfManyTest, AnswersStayWithTheirItems) {
  const ModelSpec spec{.members = 9, .step_ms = 43'200'000, .horizon_steps = 2, .context_steps = 9};
  constexpr size_t kItems = 300;
  std::mt19937 random(3);
  EnsembleEngine engine(MakeTestEngine("cpu"));
  const auto model = *engine.Prepare(spec, RandomWeights(spec, random));
  std::vector<std::vector<float>> contexts;
  for (size_t i = 0; i < kItems; ++i) contexts.push_back(RandomContext(spec, random));
  std::vector<ForecastItem> items;
  for (const std::vector<float>& context : contexts) {
    items.push_back({.model = model.get(), .context = context, .origin_ms = kOriginMs});
  }
  std::vector<float> together(kItems * 6);
  ASSERT_TRUE(engine.Forecast(spec, items, together).ok());
  for (size_t i = 0; i < kItems; ++i) {
    std::vector<float> alone(6);
    ASSERT_TRUE(engine.Forecast(spec, {&items[i], 1}, alone).ok());
    EXPECT_THAT(alone, ElementsAreArray(std::span(together).subspan(i * 6, 6))) << i;
  }
}

}  // namespace
}  // namespace auspex::model
