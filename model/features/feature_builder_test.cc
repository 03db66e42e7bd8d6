#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>

#include "gtest/gtest.h"
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
                    int64_t first_ms = kFirstMs) {
  const SeriesIndex series(spec, values, first_ms);
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
  for (float& value : scaled) value = value * 4096 - 512;
  const Features a = FeaturesOf(kHourly, values);
  const Features b = FeaturesOf(kHourly, scaled);
  const Tolerance tolerance{.absolute = 2e-4, .relative = 1e-4};
  EXPECT_EQ(Difference(a.targets.candidates, b.targets.candidates, tolerance), "");
  EXPECT_EQ(Difference(a.window.patches, b.window.patches, tolerance), "");
  EXPECT_TRUE(a.window.non_negative);
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

}  // namespace
}  // namespace auspex::model
