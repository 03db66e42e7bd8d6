#include "model/eval/scores.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace auspex::model {
namespace {

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

TEST(ScoresTest, PinballWeighsTheSides) {
  EXPECT_DOUBLE_EQ(PinballLoss(0.9, 12, 10), 1.8);
  EXPECT_NEAR(PinballLoss(0.9, 10, 12), 0.2, 1e-12);
  EXPECT_DOUBLE_EQ(PinballLoss(0.5, -3, 1), 2);
  EXPECT_EQ(PinballLoss(0.1, 4, 4), 0);
}

TEST(ScoresTest, MissingTruthsDoNotCount) {
  const std::vector<float> truth = {1, kMissing, 5};
  const std::vector<float> forecast = {2, 100, 2};
  EXPECT_EQ(MeanAbsoluteError(truth, forecast), 2);
  EXPECT_TRUE(std::isnan(MeanAbsoluteError(std::vector{kMissing}, std::vector{1.0F})));
}

TEST(ScoresTest, SeasonalChangeIsTheErrorOfTheSeasonalNaive) {
  const std::vector<float> history = {1, 2, 4, 2, kMissing, 8};
  EXPECT_EQ(SeasonalChange(history, 2), 3);  // |4-1|, |2-2|, gap, |8-2|
  EXPECT_TRUE(std::isnan(SeasonalChange(history, 6)));
}

TEST(ScoresTest, CoverageCountsTheEdges) {
  const std::vector<float> truth = {1, 2, 3, 4, kMissing};
  const std::vector<float> low = {1, 0, 0, 5, 0};
  const std::vector<float> high = {2, 2, 2, 9, 9};
  EXPECT_EQ(Coverage(truth, low, high), 0.5);
}

}  // namespace
}  // namespace auspex::model
