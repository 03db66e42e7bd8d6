#include "model/train/example_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "model/train/series_split.h"
#include "model/train/training_series_test.h"

namespace auspex::model {
namespace {

constexpr int kSteps = 24 * 20;
constexpr PoolOptions kSmall{.windows = 200, .targets_per_window = 16, .seed = 3};

bool NotCancelled() { return false; }

ExamplePool Draw(const std::vector<float>& values, const OriginRange& range,
                 const PoolOptions& options = kSmall,
                 const ParallelFor& parallel_for = SerialFor()) {
  const PoolSeries series{.values = values, .first_ms = 0, .range = range};
  return DrawExamples(HourlySpec(), {&series, 1}, options, parallel_for, NotCancelled);
}

OriginRange FitRange(const std::vector<float>& values) {
  return SplitSeries(HourlySpec(), values).fit;
}

TEST(ExamplePoolTest, HoldsWhatItPromises) {
  const ModelSpec spec = HourlySpec();
  const std::vector<float> values = DayWave(kSteps, 1);
  const ExamplePool pool = Draw(values, FitRange(values));
  EXPECT_EQ(pool.windows, 200);
  EXPECT_EQ(pool.targets, 16);
  EXPECT_EQ(pool.window.size(), 200u * kWindowFeatures);
  EXPECT_EQ(pool.patches.size(), 200u * static_cast<size_t>(spec.patches() * spec.patch_inputs()));
  EXPECT_EQ(pool.candidates.size(), 200u * 16 * kCandidates);
  EXPECT_EQ(pool.features.size(), 200u * 16 * kTargetFeatures);
  EXPECT_EQ(pool.z.size(), 200u * 16);
  EXPECT_EQ(pool.weight.size(), 200u);
  EXPECT_TRUE(std::ranges::all_of(pool.weight, [](float w) { return w > 0.5F && w <= 1; }));
  const auto is_finite = [](float value) { return std::isfinite(value); };
  EXPECT_TRUE(std::ranges::all_of(pool.window, is_finite));
  EXPECT_TRUE(std::ranges::all_of(pool.patches, is_finite));
  EXPECT_TRUE(std::ranges::all_of(pool.candidates, is_finite));
  EXPECT_TRUE(std::ranges::all_of(pool.features, is_finite));
  EXPECT_TRUE(std::ranges::all_of(pool.z, is_finite));
}

TEST(ExamplePoolTest, ReadsCovariatesUpToTheOriginOnly) {
  ModelSpec spec = HourlySpec();
  spec.covariates = {"a", "b"};
  const std::vector<float> values = DayWave(kSteps, 1);
  std::vector<float> covariates = DayWave(2 * kSteps, 2);
  const auto draw = [&] {
    const PoolSeries series{.values = values,
                            .first_ms = 0,
                            .range = {.first_origin = 100, .last_origin = 200, .targets_end = 230},
                            .covariates = covariates};
    return DrawExamples(spec, {&series, 1}, kSmall, SerialFor(), NotCancelled);
  };
  const ExamplePool before = draw();
  EXPECT_EQ(before.window.size(), 200u * static_cast<size_t>(spec.window_features()));
  EXPECT_EQ(before.features.size(), 200u * 16 * static_cast<size_t>(spec.target_features()));
  for (const int row : {0, kSteps}) {
    std::fill(covariates.begin() + row + 201, covariates.begin() + row + kSteps, 1e9F);
  }
  const ExamplePool after = draw();
  EXPECT_EQ(after.window, before.window);
  EXPECT_EQ(after.features, before.features);
  std::fill(covariates.begin() + 180, covariates.begin() + 201, 1e9F);
  EXPECT_NE(draw().window, before.window);
}

TEST(ExamplePoolTest, SameSeedSamePoolWhateverTheThreads) {
  const std::vector<float> values = DayWave(kSteps, 1);
  const ExamplePool one = Draw(values, FitRange(values));
  const ExamplePool two = Draw(values, FitRange(values), kSmall, TwoThreads());
  EXPECT_EQ(one.patches, two.patches);
  EXPECT_EQ(one.candidates, two.candidates);
  EXPECT_EQ(one.z, two.z);
  PoolOptions other = kSmall;
  other.seed = 4;
  EXPECT_NE(one.z, Draw(values, FitRange(values), other).z);
}

// What lies after the last target may be anything: no example changes.
TEST(ExamplePoolTest, ReadsNothingAfterItsRange) {
  std::vector<float> values = DayWave(kSteps, 1);
  const OriginRange range = FitRange(values);
  const ExamplePool before = Draw(values, range);
  std::fill(values.begin() + range.targets_end, values.end(), 1e6F);
  const ExamplePool after = Draw(values, range);
  EXPECT_EQ(before.window, after.window);
  EXPECT_EQ(before.patches, after.patches);
  EXPECT_EQ(before.candidates, after.candidates);
  EXPECT_EQ(before.z, after.z);
}

// With one possible origin, what lies after it changes targets, and no input.
TEST(ExamplePoolTest, InputsReadNothingAfterTheirOrigin) {
  std::vector<float> values = DayWave(kSteps, 1);
  const int origin = 24 * 14 + 5;
  const OriginRange range{.first_origin = origin, .last_origin = origin, .targets_end = kSteps};
  const ExamplePool before = Draw(values, range);
  for (int i = origin + 1; i < kSteps; ++i) values[static_cast<size_t>(i)] = 100;
  const ExamplePool after = Draw(values, range);
  EXPECT_EQ(before.window, after.window);
  EXPECT_EQ(before.patches, after.patches);
  EXPECT_EQ(before.candidates, after.candidates);
  EXPECT_EQ(before.features, after.features);
  EXPECT_NE(before.z, after.z);
}

TEST(ExamplePoolTest, MissingTargetsAreMasked) {
  std::vector<float> values = DayWave(kSteps, 1);
  for (int i = 0; i < kSteps; i += 3) values[static_cast<size_t>(i)] = kNan;
  const ExamplePool pool = Draw(values, FitRange(values));
  ASSERT_FALSE(pool.empty());
  const auto missing = std::ranges::count_if(pool.z, [](float z) { return std::isnan(z); });
  EXPECT_NEAR(static_cast<double>(missing) / static_cast<double>(pool.z.size()), 1.0 / 3, 0.05);
}

TEST(ExamplePoolTest, DropsRowsThatHitNothing) {
  std::vector<float> values(kSteps, kNan);
  for (int i = 0; i < kSteps; i += 20) values[static_cast<size_t>(i)] = 1;
  const ExamplePool pool =
      Draw(values, {.first_origin = 0, .last_origin = 400, .targets_end = 480});
  EXPECT_GT(pool.windows, 0);
  EXPECT_LT(pool.windows, 200);
  EXPECT_EQ(pool.z.size(), static_cast<size_t>(pool.windows * pool.targets));
  EXPECT_EQ(pool.window.size(), static_cast<size_t>(pool.windows * kWindowFeatures));
  for (int row = 0; row < pool.windows; ++row) {
    const auto begin = pool.z.begin() + row * pool.targets;
    EXPECT_TRUE(std::any_of(begin, begin + pool.targets, [](float z) { return !std::isnan(z); }));
  }
}

TEST(ExamplePoolTest, WindowsOutOfAllProportionCountLess) {
  std::vector<float> values(kSteps, 1000);
  values[24 * 14] = 1001;
  for (int i = 24 * 14 + 1; i < kSteps; ++i) values[static_cast<size_t>(i)] = 1e9F;
  const int origin = 24 * 14;
  const ExamplePool pool =
      Draw(values, {.first_origin = origin, .last_origin = origin, .targets_end = kSteps});
  ASSERT_FALSE(pool.empty());
  EXPECT_LT(pool.weight[0], 1e-3F);
}

TEST(ExamplePoolTest, EmptyWithoutOriginsOrWhenCancelled) {
  const std::vector<float> values = DayWave(kSteps, 1);
  EXPECT_TRUE(Draw(values, OriginRange()).empty());
  const PoolSeries series{.values = values, .first_ms = 0, .range = FitRange(values)};
  EXPECT_TRUE(
      DrawExamples(HourlySpec(), {&series, 1}, kSmall, SerialFor(), [] { return true; }).empty());
}

}  // namespace
}  // namespace auspex::model
