#include "sidecar/core/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace auspex {
namespace {

using testing::ElementsAre;

struct Case {
  const char* name;
  std::vector<float> quantiles;  // five: the median is the third
  double factor;
  CalibrationContext context;
  std::vector<float> expected;
};

TEST(CalibrationTest, StretchesWhatIsNoExactAnswer) {
  const Case cases[] = {
      {"wider", {6, 8, 10, 12, 20}, 2, {-1, true}, {2, 6, 10, 14, 30}},
      {"narrower", {6, 8, 10, 12, 20}, 0.5, {-1, true}, {8, 9, 10, 11, 15}},
      {"nothing to do", {6, 8, 10, 12, 14}, 1, {-1, false}, {6, 8, 10, 12, 14}},
      {"not below zero", {6, 8, 10, 12, 14}, 3, {-1, true}, {0, 4, 10, 16, 22}},
      {"below zero as the history", {6, 8, 10, 12, 14}, 3, {5, false}, {-2, 4, 10, 16, 22}},
      {"held at zero stays there", {0, 8, 10, 12, 14}, 0.5, {5, true}, {0, 9, 10, 11, 12}},
      {"no change is exact", {10, 10, 10, 12, 14}, 2, {10, true}, {10, 10, 10, 14, 18}},
      {"the last value stays", {7, 7, 10, 12, 14}, 2, {7, true}, {7, 7, 10, 14, 18}},
      {"none passes it from inside", {7, 8, 10, 12, 14}, 2, {7, true}, {7, 7, 10, 14, 18}},
      {"none passes it from outside", {6, 8, 10, 12, 14}, 0.25, {8, true}, {8, 8, 10, 10.5, 11}},
      {"the same above", {6, 8, 10, 12, 14}, 3, {14, false}, {-2, 4, 10, 14, 14}},
      {"an unknown last value", {6, 8, 10, 12, 14}, 2, {Missing(), true}, {2, 6, 10, 14, 18}},
  };
  for (const Case& c : cases) {
    std::vector<float> quantiles = c.quantiles;
    CalibrateTarget(c.factor, 2, c.context, quantiles);
    EXPECT_EQ(quantiles, c.expected) << c.name;
  }
}

TEST(CalibrationTest, AMedianAloneStays) {
  std::vector<float> quantiles = {3};
  CalibrateTarget(4, 0, {1, true}, quantiles);
  EXPECT_THAT(quantiles, ElementsAre(3));
}

TEST(CalibrationTest, QuantilesNeverCross) {
  std::mt19937_64 random(7);
  std::uniform_int_distribution<int> value(0, 9);
  std::uniform_real_distribution<double> factor(kFactorMin, kFactorMax);
  for (int i = 0; i < 5000; ++i) {
    std::vector<float> quantiles(7);
    for (float& q : quantiles) q = static_cast<float>(value(random));
    std::sort(quantiles.begin(), quantiles.end());
    const float median = quantiles[3];
    const CalibrationContext context{static_cast<double>(value(random)), i % 2 == 0};
    CalibrateTarget(factor(random), 3, context, quantiles);
    EXPECT_TRUE(std::is_sorted(quantiles.begin(), quantiles.end())) << i;
    EXPECT_EQ(quantiles[3], median);
    EXPECT_TRUE(!context.never_negative || quantiles[0] >= 0) << i;
  }
}

TEST(CalibrationTest, TakesAllTargetsOfAForecast) {
  std::vector<float> quantiles = {6, 10, 12, 0, 1, 5};
  CalibrateTargets(2, 1, {-1, true}, 3, quantiles);
  EXPECT_THAT(quantiles, ElementsAre(2, 10, 14, 0, 1, 9));
  CalibrateTargets(1, 1, {-1, true}, 3, quantiles);
  EXPECT_THAT(quantiles, ElementsAre(2, 10, 14, 0, 1, 9));
}

}  // namespace
}  // namespace auspex
