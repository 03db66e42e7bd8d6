// Features against an independent implementation: testdata/golden_features.txt, written by the
// program beside it.
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <numbers>
#include <sstream>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "model/features/candidates.h"
#include "model/features/features.h"
#include "model/testing/close.h"

namespace auspex::model {
namespace {

struct Golden {
  int64_t step_ms = 0;
  int steps = 0;
  int horizon = 0;
  int gap = 0;
  uint32_t seed = 0;
  int64_t first_ms = 0;
  std::map<std::string, std::vector<float>> rows;
};

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

int DayOf(const Golden& golden) { return static_cast<int>(86'400'000 / golden.step_ms); }

// Within half of 1, from a linear congruential generator.
std::vector<double> GoldenNoise(uint64_t seed, int steps) {
  std::vector<double> noise;
  for (int t = 0; t < steps; ++t) {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    noise.push_back(static_cast<double>(seed) / 2147483648 - 0.5);
  }
  return noise;
}

// To 1/64, so that it is the same everywhere.
float Rounded(double value) { return static_cast<float>(std::floor(value * 64 + 0.5) / 64); }

// A day and a week season, a sawtooth and noise, without gaps.
std::vector<float> WholeSeries(const Golden& golden, int steps) {
  const int day = DayOf(golden);
  const std::vector<double> noise = GoldenNoise(golden.seed, steps);
  std::vector<float> values;
  for (int t = 0; t < steps; ++t) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(t) / day;
    values.push_back(Rounded(100 + 20 * std::sin(angle) + 5 * std::sin(angle / 7) +
                             0.01 * static_cast<double>(t % (3 * day)) +
                             8 * noise[static_cast<size_t>(t)]));
  }
  return values;
}

// The same; where `gap` is set, steps are missing.
std::vector<float> GoldenSeries(const Golden& golden) {
  std::vector<float> values = WholeSeries(golden, golden.steps);
  for (int64_t t = 0; t < golden.steps; ++t) {
    if (golden.gap > 0 && (t * 7919) % golden.gap < 2) values[static_cast<size_t>(t)] = kMissing;
  }
  return values;
}

// Three covariates: one that knows nothing and has gaps, one that tells the rise over an eighth of
// a day with noise, and the same without its last hour.
std::vector<float> GoldenCovariates(const Golden& golden) {
  const int day = DayOf(golden);
  const auto steps = static_cast<size_t>(golden.steps);
  const auto lead = static_cast<size_t>(std::max(1, day / 8));
  const std::vector<float> future = WholeSeries(golden, golden.steps + day / 8 + 1);
  const std::vector<double> first = GoldenNoise(golden.seed + 101, golden.steps);
  const std::vector<double> second = GoldenNoise(golden.seed + 102, golden.steps);
  std::vector<float> values(3 * steps);
  for (size_t t = 0; t < steps; ++t) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(t) / day;
    const bool missing = (t * 7907) % 19 < 2;
    values[t] = missing ? kMissing : Rounded(40 + 10 * std::sin(angle) + 30 * first[t]);
    const double rise = static_cast<double>(future[t + lead]) - future[t];
    values[steps + t] = Rounded(rise + 4 * second[t]);
    const bool last_hour = t + static_cast<size_t>(std::max(2, day / 24)) >= steps;
    values[2 * steps + t] = last_hour ? kMissing : values[steps + t];
  }
  return values;
}

std::vector<Golden> ReadGolden() {
  std::ifstream file("model/features/testdata/golden_features.txt");
  std::vector<Golden> result;
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    if (name == "#") continue;
    if (name == "case") {
      Golden& golden = result.emplace_back();
      words >> golden.step_ms >> golden.steps >> golden.horizon >> golden.gap >> golden.seed >>
          golden.first_ms;
      continue;
    }
    std::vector<float>& row = result.back().rows[name];
    for (float value = 0; words >> value;) row.push_back(value);
  }
  return result;
}

TEST(GoldenFeaturesTest, AgreeWithAnIndependentImplementation) {
  const std::vector<Golden> all = ReadGolden();
  ASSERT_EQ(all.size(), 3U);
  for (const Golden& golden : all) {
    SCOPED_TRACE(golden.step_ms);
    // The whole series is context, as in the other implementation.
    const ModelSpec spec{.step_ms = golden.step_ms,
                         .horizon_steps = golden.horizon,
                         .context_steps = std::max(golden.steps, 14 * 24 * 4)};
    const SeriesIndex series(spec, GoldenSeries(golden), golden.first_ms);
    FeatureBuilder builder(spec);
    WindowFeatures window;
    TargetFeatures targets;
    ASSERT_TRUE(builder.Window(series, golden.steps - 1, &window));
    const auto& rows = golden.rows;
    std::vector<int> k(rows.at("k").begin(), rows.at("k").end());
    builder.Targets(series, golden.steps - 1, window, k, &targets);

    const Tolerance tolerance{.absolute = 2e-6, .relative = 1e-5};
    EXPECT_NEAR(window.level, rows.at("level")[0], 1e-4);
    EXPECT_NEAR(window.scale, rows.at("scale")[0], 1e-5);
    EXPECT_EQ(Difference(window.window, rows.at("window"), tolerance), "");
    EXPECT_EQ(Difference(targets.candidates, rows.at("candidates"), tolerance), "");
    EXPECT_EQ(Difference(targets.features, rows.at("features"), tolerance), "");
    EXPECT_EQ(Difference(window.patches, rows.at("patches"), tolerance), "");
  }
}

// What covariates and special days add lies behind all else, but for the candidate that makes room.
TEST(GoldenFeaturesTest, CovariatesAndSpecialDaysAgreeToo) {
  for (const Golden& golden : ReadGolden()) {
    SCOPED_TRACE(golden.step_ms);
    const auto today =
        static_cast<int>((golden.first_ms + (golden.steps - 1) * golden.step_ms) / 86'400'000);
    const ModelSpec spec{.step_ms = golden.step_ms,
                         .horizon_steps = golden.horizon,
                         .context_steps = std::max(golden.steps, 14 * 24 * 4),
                         .covariates = {"noise", "rise", "absent"},
                         .special_days = {today - 7, today - 6, today + 1}};
    const SeriesIndex series(spec, GoldenSeries(golden), golden.first_ms, GoldenCovariates(golden));
    FeatureBuilder builder(spec);
    WindowFeatures window;
    TargetFeatures targets;
    ASSERT_TRUE(builder.Window(series, golden.steps - 1, &window));
    const auto& rows = golden.rows;
    std::vector<int> k(rows.at("k").begin(), rows.at("k").end());
    builder.Targets(series, golden.steps - 1, window, k, &targets);

    const Tolerance tolerance{.absolute = 4e-6, .relative = 1e-5};
    const auto tail = [](const std::vector<float>& values, int count) {
      return std::vector<float>(values.end() - count, values.end());
    };
    std::vector<float> expected = rows.at("covariates");
    expected.push_back(rows.at("special_share")[0]);
    EXPECT_EQ(Difference(tail(window.window, 3 * kCovariateFeatures + 1), expected, tolerance), "");

    expected = rows.at("candidates");
    for (size_t t = 0; t < k.size(); ++t) {
      expected[t * kCandidates + kCandidateAnnounced] = rows.at("announced")[t];
    }
    EXPECT_EQ(Difference(targets.candidates, expected, {.absolute = 2e-5, .relative = 2e-5}), "");
    expected.clear();
    for (size_t t = 0; t < k.size(); ++t) {
      for (const auto& [row, width] : {std::pair{"features", 9}, std::pair{"special", 4}}) {
        const auto begin = rows.at(row).begin() + static_cast<ptrdiff_t>(t) * width;
        expected.insert(expected.end(), begin, begin + width);
      }
    }
    EXPECT_EQ(Difference(targets.features, expected, tolerance), "");
  }
}

}  // namespace
}  // namespace auspex::model
