#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>

#include "gtest/gtest.h"
#include "model/features/calendar.h"
#include "model/features/candidates.h"
#include "model/features/features.h"
#include "model/testing/close.h"

namespace auspex::model {
namespace {

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();
constexpr int64_t kFirstMs = 1'700'000'000'000;

// Everything that the network sees of one window.
struct Features {
  bool known = false;
  WindowFeatures window;
  TargetFeatures targets;
};

Features FeaturesAt(const ModelSpec& spec, std::span<const float> values, int origin,
                    int64_t first_ms = kFirstMs, std::span<const float> covariates = {}) {
  const SeriesIndex series(spec, values, first_ms, covariates);
  FeatureBuilder builder(spec);
  std::vector<int> k(static_cast<size_t>(spec.horizon_steps));
  std::iota(k.begin(), k.end(), 1);
  Features result;
  result.known = builder.Window(series, origin, &result.window);
  if (result.known) builder.Targets(series, origin, result.window, k, &result.targets);
  return result;
}

Features FeaturesOf(const ModelSpec& spec, std::span<const float> values) {
  return FeaturesAt(spec, values, static_cast<int>(values.size()) - 1);
}

void ExpectSame(const Features& a, const Features& b, const Tolerance& tolerance) {
  ASSERT_EQ(a.known, b.known);
  EXPECT_EQ(Difference(std::vector{a.window.level, a.window.scale, a.window.last},
                       std::vector{b.window.level, b.window.scale, b.window.last}, tolerance),
            "");
  EXPECT_EQ(a.window.non_negative, b.window.non_negative);
  EXPECT_EQ(Difference(a.window.window, b.window.window, tolerance), "");
  EXPECT_EQ(Difference(a.window.patches, b.window.patches, tolerance), "");
  EXPECT_EQ(Difference(a.targets.candidates, b.targets.candidates, tolerance), "");
  EXPECT_EQ(Difference(a.targets.features, b.targets.features, tolerance), "");
}

// Noise around a day season, with gaps.
std::vector<float> Series(int steps, int day, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> noise(0, 3);
  std::vector<float> values(static_cast<size_t>(steps));
  for (int t = 0; t < steps; ++t) {
    const float angle = 6.2831853F * static_cast<float>(t % day) / static_cast<float>(day);
    const bool missing = random() % 23 == 0;
    values[static_cast<size_t>(t)] = missing ? kMissing : 50 + 10 * std::sin(angle) + noise(random);
  }
  return values;
}

const ModelSpec kHourly{.step_ms = 3'600'000, .horizon_steps = 30, .context_steps = 14 * 24};
const ModelSpec kHalfHourly{.step_ms = 1'800'000, .horizon_steps = 48, .context_steps = 500};

TEST(FeatureBuilderTest, WindowInALongSeriesEqualsTheCutOutContext) {
  for (const ModelSpec& spec : {kHourly, kHalfHourly}) {
    std::vector<float> values = Series(2000, spec.season_steps(), 5);
    values[3] = 1e14F;  // long before any window
    for (int origin : {spec.context_steps + 4, 700, 1234, 1999}) {
      const int begin = origin + 1 - spec.context_steps;
      const Features inside = FeaturesAt(spec, values, origin);
      const Features cut = FeaturesAt(
          spec, std::span(values).subspan(static_cast<size_t>(begin), spec.context_steps),
          spec.context_steps - 1, kFirstMs + begin * spec.step_ms);
      ExpectSame(inside, cut, {.absolute = 1e-6, .relative = 1e-6});
    }
  }
}

TEST(FeatureBuilderTest, GapAtTheStartOfTheWindowIsNotFilledFromBefore) {
  std::vector<float> values = Series(800, 24, 6);
  const int begin = 800 - kHourly.context_steps;
  std::fill_n(values.begin() + begin, 30, kMissing);
  const Features reference = FeaturesOf(kHourly, values);
  values[static_cast<size_t>(begin) - 1] = 1e6F;
  ExpectSame(FeaturesOf(kHourly, values), reference, {});
}

TEST(FeatureBuilderTest, NothingAfterTheOriginIsRead) {
  for (const ModelSpec& spec : {kHourly, kHalfHourly}) {
    std::vector<float> values = Series(1200, spec.season_steps(), 7);
    for (int origin : {5, 60, 400, 900}) {
      const Features reference = FeaturesAt(spec, values, origin);
      std::vector<float> changed = values;
      for (size_t i = static_cast<size_t>(origin) + 1; i < changed.size(); ++i) changed[i] = -1e9F;
      ExpectSame(FeaturesAt(spec, changed, origin), reference, {});
    }
  }
}

// Two covariates that tell the next day's values, and noise: a window that saw a step too many
// would show.
TEST(FeatureBuilderTest, NothingOfACovariateAfterTheOriginIsRead) {
  ModelSpec spec = kHourly;
  spec.covariates = {"a", "b"};
  const std::vector<float> values = Series(1200, 24, 7);
  std::vector<float> covariates = Series(2 * 1200, 24, 8);
  std::copy(values.begin() + 24, values.end(), covariates.begin());
  for (int origin : {5, 60, 400, 900}) {
    const Features reference = FeaturesAt(spec, values, origin, kFirstMs, covariates);
    std::vector<float> changed = covariates;
    for (size_t row : {size_t{0}, size_t{1200}}) {
      const auto begin = changed.begin() + static_cast<ptrdiff_t>(row);
      std::fill(begin + origin + 1, begin + 1200, 1e9F);
    }
    ExpectSame(FeaturesAt(spec, values, origin, kFirstMs, changed), reference, {});
    changed[static_cast<size_t>(origin)] += 1000;
    EXPECT_NE(FeaturesAt(spec, values, origin, kFirstMs, changed).window.window,
              reference.window.window);
  }
}

TEST(FeatureBuilderTest, CovariatesInALongSeriesEqualTheCutOutContext) {
  ModelSpec spec = kHourly;
  spec.covariates = {"a"};
  const std::vector<float> values = Series(2000, 24, 5);
  std::vector<float> covariate = Series(2000, 24, 6);
  covariate[3] = 1e14F;  // long before any window
  for (int origin : {700, 1234, 1999}) {
    const auto begin = static_cast<size_t>(origin + 1 - spec.context_steps);
    const auto steps = static_cast<size_t>(spec.context_steps);
    const Features cut =
        FeaturesAt(spec, std::span(values).subspan(begin, steps), spec.context_steps - 1,
                   kFirstMs + static_cast<int64_t>(begin) * spec.step_ms,
                   std::span(covariate).subspan(begin, steps));
    ExpectSame(FeaturesAt(spec, values, origin, kFirstMs, covariate), cut,
               {.absolute = 2e-6, .relative = 1e-5});
  }
}

// The inputs of the values do not change with what stands behind them, but for the candidate that
// makes room for what is announced, and how all compare with it.
TEST(FeatureBuilderTest, CovariatesAndSpecialDaysOnlyAdd) {
  const std::vector<float> values = Series(600, 24, 9);
  std::vector<float> covariates = Series(1200, 24, 10);
  ModelSpec spec = kHourly;
  spec.covariates = {"a", "b"};
  spec.special_days = {DayNumber(kFirstMs) + 25};
  const auto targets = static_cast<size_t>(kHourly.horizon_steps);
  const Features plain = FeaturesOf(kHourly, values);
  Features more = FeaturesAt(spec, values, 599, kFirstMs, covariates);
  EXPECT_EQ(more.window.patches, plain.window.patches);
  ASSERT_EQ(more.window.window.size(), static_cast<size_t>(spec.window_features()));
  EXPECT_TRUE(std::equal(plain.window.window.begin(), plain.window.window.begin() + kShapeFeatures,
                         more.window.window.begin()));
  ASSERT_EQ(more.targets.features.size(), targets * static_cast<size_t>(spec.target_features()));
  for (size_t t = 0; t < targets; ++t) {
    const size_t slot = t * kCandidates + kCandidateAnnounced;
    EXPECT_NE(more.targets.candidates[slot], plain.targets.candidates[slot]);
    more.targets.candidates[slot] = plain.targets.candidates[slot];
    const auto row = std::span(more.targets.features)
                         .subspan(t * static_cast<size_t>(spec.target_features()), kTargetFeatures);
    EXPECT_TRUE(
        std::equal(row.begin(), row.end(),
                   plain.targets.features.begin() + static_cast<ptrdiff_t>(t) * kTargetFeatures));
  }
  EXPECT_EQ(more.targets.candidates, plain.targets.candidates);

  std::fill(covariates.begin(), covariates.end(), kMissing);
  more = FeaturesAt(spec, values, 599, kFirstMs, covariates);
  EXPECT_EQ(more.targets.candidates, plain.targets.candidates);
  EXPECT_TRUE(std::equal(plain.window.window.begin(), plain.window.window.end(),
                         more.window.window.begin()));
}

// A covariate that tells where the values are in five hours makes its candidate the best.
TEST(FeatureBuilderTest, WhatIsAnnouncedIsBacktestedToo) {
  ModelSpec spec = kHourly;
  spec.horizon_steps = 5;
  spec.covariates = {"told"};
  std::vector<float> values = Series(400, 24, 21);
  std::vector<float> told(values.begin() + 5, values.end());
  values.resize(told.size());
  const Features features =
      FeaturesAt(spec, values, static_cast<int>(values.size()) - 1, kFirstMs, told);
  const size_t longest = kShapeFeatures + kCandidates;
  EXPECT_EQ(features.window.window[longest + kCandidateAnnounced], 0);
  EXPECT_GT(features.window.window[longest + kCandidateSameTime], 0.2);
}

TEST(FeatureBuilderTest, SpecialDaysAreLocal) {
  ModelSpec spec = kHourly;
  const int64_t midnight = int64_t{19'700} * 86'400'000;
  spec.special_days = {19'701};
  const std::vector<float> values = Series(21, 24, 3);  // the origin is at 20:00 of day 19,700
  const auto flags = [&](int offset_minutes, int k) {
    spec.utc_offset_minutes = offset_minutes;
    const Features features = FeaturesAt(spec, values, 20, midnight);
    const auto row = static_cast<ptrdiff_t>(k) * spec.target_features() - kSpecialDayTargetFeatures;
    const auto begin = features.targets.features.begin() + row;
    return std::vector<float>(begin, begin + kSpecialDayTargetFeatures);
  };
  // The day itself, the day before, the day after, a week before.
  EXPECT_EQ(flags(0, 3), (std::vector<float>{0, 0, 1, 0}));
  EXPECT_EQ(flags(0, 4), (std::vector<float>{1, 0, 0, 0}));
  EXPECT_EQ(flags(0, 28), (std::vector<float>{0, 1, 0, 0}));
  EXPECT_EQ(flags(60, 3), (std::vector<float>{1, 0, 0, 0}));
  spec.special_days = {19'693, 19'694, 19'700, 19'701};
  EXPECT_EQ(flags(0, 3), (std::vector<float>{1, 0, 1, 1}));
  EXPECT_FLOAT_EQ(FeaturesAt(spec, values, 20, midnight).window.window.back(), 2.0F / 7);
}

TEST(FeatureBuilderTest, EveryPartOfTheContextIsRead) {
  const std::vector<float> values = Series(kHourly.context_steps, 24, 8);
  const Features reference = FeaturesOf(kHourly, values);
  for (size_t i = 0; i < values.size(); i += 7) {
    std::vector<float> changed = values;
    changed[i] += 40;
    if (std::isnan(changed[i])) continue;
    EXPECT_NE(FeaturesOf(kHourly, changed).window.patches, reference.window.patches) << i;
  }
}

TEST(FeatureBuilderTest, FeaturesDoNotDependOnUnits) {
  const std::vector<float> values = Series(600, 24, 9);
  std::vector<float> scaled = values;
  std::vector<float> moved = values;
  for (float& value : scaled) value = value * 4096;
  for (float& value : moved) value = value * 4096 - 512;
  Features a = FeaturesOf(kHourly, values);
  const Features b = FeaturesOf(kHourly, scaled);
  Features c = FeaturesOf(kHourly, moved);
  const Tolerance tolerance{.absolute = 2e-4, .relative = 1e-4};
  EXPECT_EQ(Difference(a.targets.candidates, b.targets.candidates, tolerance), "");
  EXPECT_EQ(Difference(a.window.patches, b.window.patches, tolerance), "");
  EXPECT_TRUE(a.window.non_negative);

  // Ratios know where zero is, and nothing else does.
  for (size_t t = 0; t < a.targets.candidates.size(); t += kCandidates) {
    for (const size_t ratio : {8, 17, 18}) {
      a.targets.candidates[t + ratio] = c.targets.candidates[t + ratio] = 0;
    }
  }
  EXPECT_EQ(Difference(a.targets.candidates, c.targets.candidates, tolerance), "");
  EXPECT_EQ(Difference(a.window.patches, c.window.patches, tolerance), "");
}

TEST(FeatureBuilderTest, OutagesAndSpikesHardlyChangeTheScale) {
  const std::vector<float> values = Series(600, 24, 11);
  const double usual = FeaturesOf(kHourly, values).window.scale;
  std::vector<float> outage = values;
  std::fill(outage.end() - 60, outage.end() - 53, 0.0F);
  std::vector<float> spike = values;
  spike[550] = 1e6F;
  for (const std::vector<float>& unusual : {outage, spike}) {
    const double scale = FeaturesOf(kHourly, unusual).window.scale;
    EXPECT_GT(scale, 0.9 * usual);
    EXPECT_LT(scale, 1.5 * usual);
  }
}

// A job that runs for an hour in a quiet week is all that there is to measure by.
TEST(FeatureBuilderTest, RareChangesAreTheScaleOfWhatIsConstant) {
  std::vector<float> values(600, 0.0F);
  values[550] = 8;
  const double scale = FeaturesOf(kHourly, values).window.scale;
  EXPECT_GT(scale, 0.01 * 8);
  EXPECT_LT(scale, 0.1 * 8);
}

TEST(FeatureBuilderTest, LocalTimeIsUtcPlusTheOffset) {
  const std::vector<float> values = Series(400, 24, 10);
  ModelSpec local = kHourly;
  local.utc_offset_minutes = 330;
  const int origin = 399;
  ExpectSame(FeaturesAt(local, values, origin, kFirstMs),
             FeaturesAt(kHourly, values, origin, kFirstMs + 330 * 60'000), {.absolute = 1e-6});
  EXPECT_NE(FeaturesAt(local, values, origin).targets.features,
            FeaturesAt(kHourly, values, origin).targets.features);
}

TEST(FeatureBuilderTest, CandidatesOfAPerfectSeasonAreExact) {
  std::vector<float> values(24 * 14);
  for (size_t t = 0; t < values.size(); ++t) values[t] = static_cast<float>(t % 24);
  const Features features = FeaturesOf(kHourly, values);
  for (int k = 1; k <= kHourly.horizon_steps; ++k) {
    const float truth = static_cast<float>((values.size() - 1 + static_cast<size_t>(k)) % 24);
    const float* z = &features.targets.candidates[static_cast<size_t>(k - 1) * kCandidates];
    for (int candidate : {4, 5, 6, 7, 8, 9, 10, 16}) {
      EXPECT_NEAR(z[candidate] * features.window.scale + features.window.level, truth, 1e-4)
          << candidate << " at " << k;
    }
  }
  // Their recent errors are the smallest, and the last value's are the largest.
  EXPECT_EQ(features.window.window[kShapeFeatures + 4], 0);
  EXPECT_EQ(features.window.window[kShapeFeatures + 0], 4);
}

TEST(FeatureBuilderTest, ShortHistoriesHaveABacktestOfTheirOwn) {
  const ModelSpec spec{.step_ms = 3'600'000, .horizon_steps = 48, .context_steps = 400};
  const Features features = FeaturesOf(spec, Series(20, 24, 11));
  const auto logs = std::span(features.window.window).subspan(kShapeFeatures);
  EXPECT_GT(*std::max_element(logs.begin(), logs.end()), 0);
  const Features tiny = FeaturesOf(spec, Series(5, 24, 11));
  for (float log : std::span(tiny.window.window).subspan(kShapeFeatures)) EXPECT_EQ(log, 0);
}

TEST(FeatureBuilderTest, NoValueNoWindow) {
  const std::vector<float> values(400, kMissing);
  EXPECT_FALSE(FeaturesOf(kHourly, values).known);
  std::vector<float> old = values;
  old[0] = 1;  // before the window
  EXPECT_FALSE(FeaturesOf(kHourly, old).known);
}

// Contexts that have broken such code before.
std::vector<std::pair<std::string, std::vector<float>>> ExtremeContexts(int steps) {
  const auto size = static_cast<size_t>(steps);
  std::vector<std::pair<std::string, std::vector<float>>> all;
  const std::vector<float> normal = Series(steps, 24, 12);
  all.emplace_back("constant", std::vector<float>(size, 5));
  all.emplace_back("zeros", std::vector<float>(size, 0));
  all.emplace_back("negative constant", std::vector<float>(size, -1e-30F));
  std::vector<float> values(size, kMissing);
  values.back() = 3;
  all.emplace_back("one value", values);
  for (size_t i = size - 12; i < size; ++i) values[i] = static_cast<float>(i);
  all.emplace_back("twelve values", values);
  values.assign(size, kMissing);
  values.front() = 7;
  all.emplace_back("one old value", values);
  for (float factor : {1e14F, 1e-14F, 1e30F, 6e36F, 1e-38F}) {
    values = normal;
    for (float& value : values) value *= factor;
    all.emplace_back("times " + std::to_string(factor), values);
  }
  values.assign(size, 0);
  values[10] = 1e14F;
  all.emplace_back("old spike on zeros", values);
  values[10] = std::numeric_limits<float>::max();
  values[20] = std::numeric_limits<float>::lowest();
  all.emplace_back("largest floats on zeros", values);
  values = normal;
  values.back() = 1e14F;
  all.emplace_back("spike at the origin", values);
  values[5] = INFINITY;
  values[6] = -INFINITY;
  all.emplace_back("infinities", values);
  for (size_t i = 0; i < size; ++i) values[i] = i % 2 == 0 ? 3e38F : -3e38F;
  all.emplace_back("alternating limits", values);
  return all;
}

void ExpectFinite(const std::vector<float>& values) {
  for (float value : values) ASSERT_TRUE(std::isfinite(value));
}

TEST(FeatureBuilderTest, AllOutputsAreFinite) {
  for (const ModelSpec& spec :
       {kHourly, kHalfHourly, ModelSpec{.step_ms = 43'200'000, .horizon_steps = 3},
        ModelSpec{.step_ms = 86'400'000, .horizon_steps = 9, .context_steps = 50},
        ModelSpec{.step_ms = 60'000, .horizon_steps = 1, .context_steps = 40},
        ModelSpec{.horizon_steps = 300, .context_steps = 2}}) {
    for (const auto& [name, values] : ExtremeContexts(340)) {
      SCOPED_TRACE(name + ", step " + std::to_string(spec.step_ms));
      const Features features = FeaturesOf(spec, values);
      if (!features.known) continue;
      EXPECT_TRUE(std::isfinite(features.window.level));
      EXPECT_TRUE(std::isfinite(features.window.scale));
      EXPECT_GT(features.window.scale, 0);
      EXPECT_EQ(features.window.patches.size(),
                static_cast<size_t>(spec.patches() * spec.patch_inputs()));
      ExpectFinite(features.window.window);
      ExpectFinite(features.window.patches);
      ExpectFinite(features.targets.candidates);
      ExpectFinite(features.targets.features);
    }
  }
}

TEST(FeatureBuilderTest, OutputsAreFiniteWhateverTheCovariate) {
  for (ModelSpec spec : {kHourly, kHalfHourly,
                         ModelSpec{.step_ms = 86'400'000, .horizon_steps = 9, .context_steps = 50},
                         ModelSpec{.step_ms = 60'000, .horizon_steps = 1, .context_steps = 40},
                         ModelSpec{.horizon_steps = 300, .context_steps = 2}}) {
    spec.covariates = {"c"};
    for (const auto& [name, values] : ExtremeContexts(340)) {
      for (const auto& [covariate, of_covariate] : ExtremeContexts(340)) {
        SCOPED_TRACE(name);
        SCOPED_TRACE(covariate);
        SCOPED_TRACE(spec.step_ms);
        const Features features = FeaturesAt(spec, values, 339, kFirstMs, of_covariate);
        ExpectFinite(features.window.window);
        ExpectFinite(features.targets.features);
      }
    }
  }
}

}  // namespace
}  // namespace auspex::model
