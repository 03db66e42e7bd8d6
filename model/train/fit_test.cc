#include "model/train/fit.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <string>
#include <utility>

#include "model/engine/engine.h"
#include "model/features/features.h"
#include "model/testing/close.h"
#include "model/train/training_series_test.h"

namespace auspex::model {
namespace {

constexpr int kSteps = 24 * 20;

bool KeepGoing(int, double) { return true; }

// One member on the whole pool.
absl::StatusOr<Weights> Fit(const ModelSpec& spec, const Weights& start, const ExamplePool& pool,
                            int iterations, uint64_t seed, const FitSettings& settings = {},
                            const FitObserver& observer = KeepGoing) {
  const FitMember member{.start = start,
                         .windows = pool.windows,
                         .iterations = iterations,
                         .seed = seed,
                         .settings = settings};
  auto fitted = FitStacked(spec, {&member, 1}, pool, FitOptions(), observer);
  if (!fitted.ok()) return fitted.status();
  return std::move(fitted->front());
}

Weights RandomWeights(const ModelSpec& spec, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal(0, 0.3F);
  std::vector<float> values(static_cast<size_t>(ParameterCount(spec)));
  std::generate(values.begin(), values.end(), [&] { return normal(random); });
  return Weights::FromVector(std::move(values));
}

ExamplePool WavePool(const ModelSpec& spec, OriginRange SeriesSplit::*part, int windows) {
  static const std::vector<float> values = DayWave(kSteps, 1);
  return DrawPart(spec, values, part, windows);
}

// A pool of one window and all its targets.
ExamplePool OneWindow(const ModelSpec& spec, const std::vector<float>& values,
                      const std::vector<float>& covariates, WindowFeatures* out) {
  const SeriesIndex index(spec, values, 0, covariates);
  FeatureBuilder builder(spec);
  const int origin = static_cast<int>(values.size()) - 1;
  EXPECT_TRUE(builder.Window(index, origin, out));
  std::vector<int> k(static_cast<size_t>(spec.horizon_steps));
  std::iota(k.begin(), k.end(), 1);
  TargetFeatures targets;
  builder.Targets(index, origin, *out, k, &targets);
  return {.windows = 1,
          .targets = spec.horizon_steps,
          .window = out->window,
          .patches = out->patches,
          .candidates = targets.candidates,
          .features = targets.features,
          .z = std::vector<float>(k.size(), 0),
          .weight = {1}};
}

struct EngineCase {
  const char* name;
  Cell cell;
  int hidden;
  int layers;
  int width;
  int64_t step_ms;
  int horizon;
  std::vector<double> quantiles;
  int covariates = 0;
};

class EngineEqualsLibTorchTest : public ::testing::TestWithParam<EngineCase> {};

// The same weights give the same forecast here and in every engine, to 1e-4 of the window's scale:
// 2e-5 from float sums in another order, and five times that for sums of a hundred terms.
TEST_P(EngineEqualsLibTorchTest, ForTheSameWeights) {
  const EngineCase& c = GetParam();
  ModelSpec spec;
  spec.cell = c.cell;
  spec.hidden = c.hidden;
  spec.layers = c.layers;
  spec.decoder_width = c.width;
  spec.step_ms = c.step_ms;
  spec.horizon_steps = c.horizon;
  spec.quantiles = c.quantiles;
  spec.context_steps = 5 * spec.season_steps() + 3;
  spec.covariates.resize(static_cast<size_t>(c.covariates));
  if (c.covariates > 0) spec.special_days = {1, 4, 5};
  const Weights weights = RandomWeights(spec, 11);
  std::vector<float> context = DayWave(spec.context_steps, 5);
  for (size_t i = 7; i < context.size(); i += 13) context[i] = kNan;
  context.back() = 0.5F;

  const std::vector<float> covariates = DayWave(spec.context_steps * c.covariates, 6);

  WindowFeatures window;
  const ExamplePool pool = OneWindow(spec, context, covariates, &window);
  const auto expected = PoolQuantiles(spec, weights, pool);
  ASSERT_TRUE(expected.ok()) << expected.status();
  for (const char* backend : {"scalar", "cpu"}) {
    const auto engine = CreateEngine(backend, SerialFor());
    ASSERT_TRUE(engine.ok()) << engine.status();
    const auto prepared = (*engine)->Prepare(spec, weights);
    ASSERT_TRUE(prepared.ok()) << prepared.status();
    const ForecastItem item{.model = prepared->get(),
                            .context = context,
                            .origin_ms = (spec.context_steps - 1) * spec.step_ms,
                            .blend = {},
                            .covariates = covariates};
    std::vector<float> out(expected->size());
    ASSERT_TRUE((*engine)->Forecast(spec, {&item, 1}, out).ok());
    for (size_t i = 0; i < out.size(); ++i) {
      ASSERT_NEAR((out[i] - window.level) / window.scale, (*expected)[i], 1e-4)
          << backend << " output " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Specs, EngineEqualsLibTorchTest,
    ::testing::Values(
        EngineCase{"Default", Cell::kLstm, 16, 1, 32, 300'000, 288, {0.1, 0.5, 0.9}},
        EngineCase{"Covariates", Cell::kLstm, 16, 1, 32, 3'600'000, 24, {0.1, 0.5, 0.9}, 2},
        EngineCase{"Odd", Cell::kLstm, 13, 1, 21, 3'600'000, 7, {0.1, 0.5, 0.9}},
        EngineCase{"Deep", Cell::kLstm, 5, 3, 9, 3'600'000, 24, {0.05, 0.25, 0.5, 0.75, 0.95}},
        EngineCase{"MedianOnly", Cell::kLstm, 8, 1, 4, 900'000, 96, {0.5}},
        EngineCase{"OneSided", Cell::kLstm, 8, 2, 16, 900'000, 50, {0.5, 0.9, 0.99}},
        EngineCase{"Gru", Cell::kGru, 16, 1, 32, 300'000, 40, {0.1, 0.5, 0.9}},
        EngineCase{"DeepGru", Cell::kGru, 13, 3, 9, 3'600'000, 24, {0.1, 0.5, 0.9}},
        EngineCase{"Transformer", Cell::kTransformer, 16, 1, 32, 300'000, 40, {0.1, 0.5, 0.9}},
        EngineCase{"OddTransformer", Cell::kTransformer, 13, 1, 9, 3'600'000, 24, {0.5, 0.9}},
        EngineCase{"DeepTransformer", Cell::kTransformer, 18, 3, 9, 3'600'000, 24, {0.1, 0.5}},
        EngineCase{"NoEncoder", Cell::kNone, 1, 1, 33, 3'600'000, 24, {0.1, 0.5, 0.9}}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(FitTest, LearnsADayWave) {
  const ModelSpec spec = HourlySpec();
  const ExamplePool pool = WavePool(spec, &SeriesSplit::fit, 512);
  const ExamplePool tail = WavePool(spec, &SeriesSplit::tail, 256);
  const Weights untrained = UntrainedWeights(spec);
  const auto fitted = Fit(spec, untrained, pool, 150, 0);
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  EXPECT_LT(*PoolLoss(spec, *fitted, tail), 0.97 * *PoolLoss(spec, untrained, tail));
}

// Weights rounded to bfloat16 move forecasts of trained networks by at most 2e-4 of the window's
// scale, every quantile of every target.
TEST(FitTest, TrainedNetworksForecastTheSameWithBfloat16Weights) {
  const ModelSpec spec = HourlySpec();
  const ExamplePool pool = WavePool(spec, &SeriesSplit::fit, 512);
  const auto fitted = Fit(spec, UntrainedWeights(spec), pool, 150, 0);
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  const std::vector<float> context = DayWave(spec.context_steps, 3);
  WindowFeatures window;
  OneWindow(spec, context, {}, &window);
  std::vector<std::vector<float>> forecasts;
  for (const auto& [backend, stored] :
       {std::pair{"scalar", LstmWeights::kFloat}, std::pair{"cpu", LstmWeights::kBfloat16}}) {
    const auto engine = *CreateEngine(backend, SerialFor(), nullptr, {.lstm_weights = stored});
    const auto prepared = *engine->Prepare(spec, *fitted);
    const ForecastItem item{.model = prepared.get(),
                            .context = context,
                            .origin_ms = (spec.context_steps - 1) * spec.step_ms};
    std::vector<float> out(static_cast<size_t>(spec.horizon_steps) * spec.quantiles.size());
    ASSERT_TRUE(engine->Forecast(spec, {&item, 1}, out).ok());
    forecasts.push_back(std::move(out));
  }
  for (size_t i = 0; i < forecasts[0].size(); ++i) {
    ASSERT_NEAR(forecasts[0][i] / window.scale, forecasts[1][i] / window.scale, 2e-4) << i;
  }
  EXPECT_NE(forecasts[0], forecasts[1]);
}

TEST(FitTest, SameSeedSameWeights) {
  const ModelSpec spec = HourlySpec();
  const ExamplePool pool = WavePool(spec, &SeriesSplit::fit, 128);
  const auto one = Fit(spec, UntrainedWeights(spec), pool, 10, 5);
  // The same beside another fit.
  absl::StatusOr<Weights> two, other;
  TwoThreads()(2, [&](size_t i) {
    (i == 0 ? two : other) = Fit(spec, UntrainedWeights(spec), pool, 10, 5 + i);
  });
  ASSERT_TRUE(one.ok() && two.ok() && other.ok());
  EXPECT_TRUE(std::ranges::equal(one->values(), two->values()));
  EXPECT_FALSE(std::ranges::equal(one->values(), other->values()));
}

TEST(FitTest, OpenBlasComputesOnTheCallingThreadAlone) {
  const ModelSpec spec = HourlySpec();
  ASSERT_TRUE(Fit(spec, UntrainedWeights(spec), WavePool(spec, &SeriesSplit::fit, 64), 1, 0).ok());
  using GetThreads = int (*)();
  const auto threads =
      reinterpret_cast<GetThreads>(dlsym(RTLD_DEFAULT, "openblas_get_num_threads"));
  if (threads != nullptr) {
    EXPECT_EQ(threads(), 1);
  }
}

TEST(FitTest, MissingTargetsTeachNothing) {
  const ModelSpec spec = HourlySpec();
  ExamplePool pool = WavePool(spec, &SeriesSplit::fit, 128);
  std::fill(pool.z.begin(), pool.z.end(), kNan);
  const auto fitted = Fit(spec, UntrainedWeights(spec), pool, 3, 0, {.weight_decay = 0});
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  EXPECT_TRUE(std::ranges::equal(fitted->values(), UntrainedWeights(spec).values()));
}

TEST(FitTest, StopsWhenTheObserverSaysSo) {
  const ModelSpec spec = HourlySpec();
  const ExamplePool pool = WavePool(spec, &SeriesSplit::fit, 128);
  int iterations = 0;
  const auto fitted = Fit(spec, UntrainedWeights(spec), pool, 1000, 0, {},
                          [&](int, double) { return ++iterations < 3; });
  EXPECT_EQ(fitted.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(iterations, 3);
}

TEST(FitTest, NothingToLearnFrom) {
  const ModelSpec spec = HourlySpec();
  EXPECT_EQ(Fit(spec, UntrainedWeights(spec), ExamplePool(), 10, 0).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

// Members of other lengths and on other windows, one beside the other, become what they become
// alone, to the rounding of sums.
TEST(FitTest, MembersOfAStackDoNotDisturbEachOther) {
  const ModelSpec spec = HourlySpec();
  const ExamplePool one = WavePool(spec, &SeriesSplit::fit, 128);
  ExamplePool pool = one;
  Append(WavePool(spec, &SeriesSplit::all, 100), &pool);
  ASSERT_EQ(pool.windows, 228);
  const std::vector<FitMember> members = {
      {.start = UntrainedWeights(spec), .windows = 128, .iterations = 5, .seed = 5},
      {.start = RandomWeights(spec, 3),
       .first_window = 128,
       .windows = 100,
       .iterations = 12,
       .settings = {.encoder_dropout = 0, .weight_decay = 1}},
      {.start = UntrainedWeights(spec),
       .windows = 128,
       .iterations = 10,
       .seed = 6,
       .settings = {.learning_rate = 2e-3}}};
  const auto stacked = FitStacked(spec, members, pool, FitOptions(), KeepGoing);
  ASSERT_TRUE(stacked.ok()) << stacked.status();
  const auto alone = Fit(spec, UntrainedWeights(spec), one, 10, 6, {.learning_rate = 2e-3});
  ASSERT_TRUE(alone.ok()) << alone.status();
  EXPECT_EQ(Difference((*stacked)[2].values(), alone->values(), {.absolute = 1e-4}), "");
  EXPECT_NE(Difference((*stacked)[1].values(), members[1].start.values(), {.absolute = 1e-3}), "");
  EXPECT_NE(Difference((*stacked)[0].values(), alone->values(), {.absolute = 1e-3}), "");
}

}  // namespace
}  // namespace auspex::model
