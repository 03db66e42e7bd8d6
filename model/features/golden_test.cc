// Features against an independent implementation: testdata/golden_features.txt.
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <numbers>
#include <sstream>
#include <string>

#include "gtest/gtest.h"
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

// A day and a week season, a sawtooth and noise from a linear congruential generator, rounded to
// 1/64 so that it is the same everywhere; where `gap` is set, steps are missing.
std::vector<float> GoldenSeries(const Golden& golden) {
  const int day = static_cast<int>(86'400'000 / golden.step_ms);
  std::vector<float> values;
  uint64_t state = golden.seed;
  for (int64_t t = 0; t < golden.steps; ++t) {
    state = (state * 1103515245 + 12345) % 2147483648;
    const double noise = static_cast<double>(state) / 2147483648 - 0.5;
    const double angle = 2 * std::numbers::pi * static_cast<double>(t) / day;
    const double value = 100 + 20 * std::sin(angle) + 5 * std::sin(angle / 7) +
                         0.01 * static_cast<double>(t % (3 * day)) + 8 * noise;
    const bool missing = golden.gap > 0 && (t * 7919) % golden.gap < 2;
    values.push_back(missing ? std::numeric_limits<float>::quiet_NaN()
                             : static_cast<float>(std::floor(value * 64 + 0.5) / 64));
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

}  // namespace
}  // namespace auspex::model
