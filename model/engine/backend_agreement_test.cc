// The cpu backend against the scalar reference, in every instruction set that this machine has.
#include <cmath>
#include <random>
#include <string>

#include "gtest/gtest.h"
#include "model/engine/network_reference.h"
#include "model/engine/packed_network.h"
#include "model/engine/simd_forward.h"
#include "model/engine/test_data.h"
#include "model/features/features.h"
#include "model/features/instruction_sets_test.h"
#include "model/testing/close.h"

namespace auspex::model {
namespace {

TEST(BackendAgreementTest, DecoderOutputsOverRandomShapes) {
  std::mt19937 random(1);
  for (int round = 0; round < 130; ++round) {
    const ModelSpec spec = RandomSpec(random);
    SCOPED_TRACE(Describe(spec));
    const Weights weights = RandomWeights(spec, random);
    const std::vector<float> context = RandomContext(spec, random);
    const SeriesIndex series(spec, context, kOriginMs, RandomCovariates(spec, random));
    FeatureBuilder builder(spec);
    WindowFeatures window;
    TargetFeatures targets;
    ASSERT_TRUE(builder.Window(series, series.size() - 1, &window));
    std::vector<int> k(1 + random() % 70);
    for (int& target : k) {
      target = 1 + static_cast<int>(random() % static_cast<unsigned>(spec.horizon_steps));
    }
    builder.Targets(series, series.size() - 1, window, k, &targets);

    const std::vector<double> exact = DecoderOutputs(spec, weights, window, targets);
    const std::vector<float> expected(exact.begin(), exact.end());
    PackedNetwork network(spec);
    network.Pack(weights);
    ForEachInstructionSet([&] {
      SimdBuffers buffers;
      buffers.Fit(network);
      std::vector<float> padded(k.size() * network.output().outputs);
      SimdForward(network, window, targets, &buffers, padded);
      std::vector<float> actual;
      for (size_t t = 0; t < k.size(); ++t) {
        const auto row = padded.begin() + static_cast<ptrdiff_t>(t * network.output().outputs);
        actual.insert(actual.end(), row, row + spec.decoder_outputs());
      }
      EXPECT_EQ(Difference(actual, expected, {.absolute = 2e-5, .relative = 1e-5}), "");
    });
  }
}

TEST(BackendAgreementTest, ForecastsOfManyItemsAtAnyAlignment) {
  std::mt19937 random(2);
  for (int round = 0; round < 12; ++round) {
    const ModelSpec spec = RandomSpec(random);
    SCOPED_TRACE(Describe(spec));
    const size_t items = 1 + random() % 40;
    const size_t steps = static_cast<size_t>(spec.context_steps);
    const auto parameters = static_cast<size_t>(ParameterCount(spec));
    std::vector<float> contexts;
    std::vector<float> covariates;
    std::vector<float> all_weights(1);  // the first model begins at an odd place
    for (size_t i = 0; i < items; ++i) {
      const std::vector<float> context = RandomContext(spec, random);
      contexts.insert(contexts.end(), context.begin(), context.end());
      const std::vector<float> more = RandomCovariates(spec, random);
      covariates.insert(covariates.end(), more.begin(), more.end());
      const Weights weights = RandomWeights(spec, random);
      all_weights.insert(all_weights.end(), weights.values().begin(), weights.values().end());
    }
    const size_t values = static_cast<size_t>(spec.horizon_steps) * spec.quantiles.size();
    std::vector<std::vector<float>> results;
    for (const char* backend : {"scalar", "cpu"}) {
      auto engine = *CreateEngine(backend, SerialFor());
      std::vector<std::shared_ptr<const PreparedModel>> models;
      std::vector<ForecastItem> batch;
      for (size_t i = 0; i < items; ++i) {
        const std::span<const float> view(all_weights);
        const Weights weights(view.subspan(1 + i * parameters, parameters), nullptr);
        models.push_back(*engine->Prepare(spec, weights));
        batch.push_back({.model = models.back().get(),
                         .context = std::span(contexts).subspan(i * steps, steps),
                         .origin_ms = kOriginMs,
                         .blend = {0.5, 0.25, 0.25},
                         .covariates = std::span(covariates)
                                           .subspan(i * steps * spec.covariates.size(),
                                                    steps * spec.covariates.size())});
      }
      std::vector<float> out(1 + items * values);
      ASSERT_TRUE(engine->Forecast(spec, batch, std::span(out).subspan(1)).ok());
      results.push_back(std::move(out));
    }
    // In units of the series: levels are hundreds, scales tens.
    EXPECT_EQ(Difference(results[1], results[0], {.absolute = 2e-3, .relative = 1e-5}), "");
  }
}

// Weights that are rounded as bfloat16 give the same forecasts in either form; cells other than
// lstm, and all other weights, are not rounded.
TEST(BackendAgreementTest, Bfloat16ForecastsAreThoseOfTheRoundedWeights) {
  std::mt19937 random(4);
  for (int round = 0; round < 60; ++round) {
    const ModelSpec spec = RandomSpec(random);
    SCOPED_TRACE(Describe(spec));
    const Weights weights = RandomWeights(spec, random);
    const std::vector<float> context = RandomContext(spec, random);
    const std::vector<float> covariates = RandomCovariates(spec, random);
    const auto expected =
        ForecastContext("scalar", spec, RoundedAsBfloat16(spec, weights), context, {}, covariates);
    const auto actual = ForecastContext("cpu-bfloat16", spec, weights, context, {}, covariates);
    // As above.
    EXPECT_EQ(Difference(actual, expected, {.absolute = 2e-3, .relative = 1e-5}), "");
  }
}

TEST(BackendAgreementTest, ExtremeContexts) {
  const ModelSpec spec{.step_ms = 3'600'000, .horizon_steps = 50, .context_steps = 336};
  std::mt19937 random(3);
  const Weights weights = RandomWeights(spec, random);
  const std::vector<float> normal = RandomContext(spec, random);
  std::vector<std::vector<float>> contexts = {std::vector<float>(336, 0.0F),
                                              std::vector<float>(336, 1e14F),
                                              std::vector<float>(336, -1e-30F)};
  for (float factor : {1e14F, 1e-14F, 1e30F, 1e-36F}) {
    contexts.push_back(normal);
    for (float& value : contexts.back()) value *= factor;
  }
  contexts.push_back(std::vector<float>(336, 0.0F));
  contexts.back()[5] = 1e14F;
  contexts.push_back(normal);
  contexts.back().back() = 1e20F;
  contexts.push_back(std::vector<float>(336, kMissing));
  contexts.back()[300] = 4;
  for (size_t i = 0; i < contexts.size(); ++i) {
    SCOPED_TRACE(i);
    const std::vector<float> scalar = ForecastContext("scalar", spec, weights, contexts[i]);
    const std::vector<float> cpu = ForecastContext("cpu", spec, weights, contexts[i]);
    double largest = 0;
    for (float value : scalar) {
      ASSERT_TRUE(std::isfinite(value));
      largest = std::max(largest, std::abs(static_cast<double>(value)));
    }
    EXPECT_EQ(Difference(cpu, scalar, {.absolute = 2e-5 * largest}), "");
  }
}

}  // namespace
}  // namespace auspex::model
