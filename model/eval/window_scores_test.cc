#include "model/eval/window_scores.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace auspex::model {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();
constexpr int kSeason = 4;
constexpr double kTolerance = 1e-6;

struct Case {
  std::string metric;
  std::vector<float> history, truth, low, median, high;
};

// The expected numbers below are those of an independent program over the same windows.
const std::vector<Case>& Cases() {
  static const std::vector<Case> kCases = {
      {.metric = "a",
       .history = {3, 5, kMissing, 8, 4, 6, 7, 9, 3, 5, 8, 11},
       .truth = {5, kMissing, 9, 12, 4, 7},
       .low = {3, 4, 7, 9, 2, 5},
       .median = {4, 6, 9, 10, 5, 6},
       .high = {6, 8, 10, 13, 7, 9}},
      {.metric = "a",
       .history = {0, 0, 2, 1, 0, kMissing, kMissing, 2, 1},
       .truth = {0, 3, 0, 1, 2, 5},
       .low = {0, 0, 0, 0, 0, 0},
       .median = {1, 1, 0.5, 1, 2, 3},
       .high = {2, 2, 1, 2, 3, 4}},
      // Under a season of history.
      {.metric = "b",
       .history = {100, 140, 90},
       .truth = {120, 80, 100, 110, 90, kMissing},
       .low = {90, 85, 80, 75, 70, 65},
       .median = {100, 100, 100, 100, 100, 100},
       .high = {110, 115, 120, 125, 130, 135}},
      // Without change in the history, without an interval, and with one target not answered.
      {.metric = "b",
       .history = {50, 50, 50, 50, 50, 50, 50, 50},
       .truth = {50, 55, 50, 50, 50, 50},
       .low = {},
       .median = {kMissing, 50, 50, 50, 52, 50},
       .high = {}}};
  return kCases;
}

WindowScores Score(const Case& c) {
  return ScoreWindow(c.truth, {c.low, c.median, c.high}, c.history, kSeason);
}

ScorePool Pool(size_t begin, size_t end) {
  ScorePool pool;
  for (size_t i = begin; i < end; ++i) pool.Add(Cases()[i].metric, Score(Cases()[i]));
  return pool;
}

TEST(WindowScoresTest, IntervalForecastsPooled) {
  const ScoreSummary total = Pool(0, 3).Total();
  EXPECT_EQ(total.windows, 3);
  EXPECT_FALSE(total.point_only);
  EXPECT_NEAR(total.answered, 1, kTolerance);
  EXPECT_NEAR(total.mae, 4.63888889, kTolerance);
  EXPECT_NEAR(total.rmse, 8.22479314, kTolerance);
  EXPECT_NEAR(total.mape, 17.4634096, kTolerance);
  EXPECT_NEAR(total.smape, 39.7865585, kTolerance);
  EXPECT_NEAR(total.mase, 0.838888889, kTolerance);
  EXPECT_NEAR(total.mase_median, 0.875, kTolerance);
  EXPECT_NEAR(total.relative_mase, 0.6776365, kTolerance);
  EXPECT_NEAR(total.wql, 0.116597222, kTolerance);
  EXPECT_NEAR(total.scaled_pinball, 0.576975309, kTolerance);
  EXPECT_NEAR(total.coverage, 0.75, kTolerance);
  EXPECT_NEAR(total.width, 2.5712963, kTolerance);
  EXPECT_NEAR(total.msis, 4.46018519, kTolerance);
  EXPECT_NEAR(total.direction, 0.714285714, kTolerance);
}

TEST(WindowScoresTest, PointForecastsPooled) {
  const ScorePool pool = Pool(0, 4);
  const ScoreSummary total = pool.Total();
  EXPECT_EQ(total.windows, 4);
  EXPECT_TRUE(total.point_only);
  EXPECT_NEAR(total.answered, 0.954545455, kTolerance);
  EXPECT_NEAR(total.mae, 3.82916667, kTolerance);
  EXPECT_NEAR(total.rmse, 7.22394744, kTolerance);
  EXPECT_NEAR(total.mape, 13.5567707, kTolerance);
  EXPECT_NEAR(total.smape, 30.5121878, kTolerance);
  EXPECT_NEAR(total.mase, 0.838888889, kTolerance);
  EXPECT_NEAR(total.mase_median, 0.875, kTolerance);
  EXPECT_NEAR(total.relative_mase, 0.6776365, kTolerance);
  EXPECT_NEAR(total.wql, 0.153745861, kTolerance);
  EXPECT_TRUE(std::isnan(total.scaled_pinball));
  EXPECT_TRUE(std::isnan(total.coverage));
  EXPECT_TRUE(std::isnan(total.width));
  EXPECT_TRUE(std::isnan(total.msis));
  EXPECT_NEAR(total.direction, 0.666666667, kTolerance);
}

TEST(WindowScoresTest, EachMetricByItself) {
  const auto by_metric = Pool(0, 4).ByMetric();
  ASSERT_EQ(by_metric.size(), 2);
  EXPECT_EQ(by_metric.at("a").windows, 2);
  EXPECT_FALSE(by_metric.at("a").point_only);
  const ScoreSummary& b = by_metric.at("b");
  EXPECT_EQ(b.windows, 2);
  EXPECT_TRUE(b.point_only);
  EXPECT_NEAR(b.answered, 0.909090909, kTolerance);
  EXPECT_NEAR(b.mae, 6.7, kTolerance);
  EXPECT_NEAR(b.rmse, 10.1439637, kTolerance);
  EXPECT_NEAR(b.mape, 7.4959596, kTolerance);
  EXPECT_NEAR(b.smape, 7.38995439, kTolerance);
  EXPECT_NEAR(b.mase, 0.266666667, kTolerance);
  EXPECT_NEAR(b.mase_median, 0.266666667, kTolerance);
  EXPECT_NEAR(b.relative_mase, 0.545454545, kTolerance);
  EXPECT_NEAR(b.wql, 0.0887417219, kTolerance);
  EXPECT_TRUE(std::isnan(b.scaled_pinball));
  EXPECT_TRUE(std::isnan(b.coverage));
  EXPECT_TRUE(std::isnan(b.width));
  EXPECT_TRUE(std::isnan(b.msis));
  EXPECT_NEAR(b.direction, 0.6, kTolerance);
}

TEST(WindowScoresTest, QuartersOfAHorizonThatDoesNotDivide) {
  // Six targets: 2, 2, 1, 1.
  EXPECT_THAT(Score(Cases()[0]).quarter_absolute_error, ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(Pool(0, 3).MaseByQuarter(),
              ElementsAre(DoubleNear(1.18981481, kTolerance), DoubleNear(0.453703704, kTolerance),
                          DoubleNear(0.365740741, kTolerance), DoubleNear(1.9375, kTolerance)));
}

TEST(WindowScoresTest, RatioToTheNaiveForecastIsAGeometricMeanWithinBounds) {
  const auto relative = [](std::vector<float> truth, float forecast) {
    ScorePool pool;
    const std::vector<float> median(truth.size(), forecast);
    pool.Add("m", ScoreWindow(truth, {{}, median, {}}, std::vector<float>{1, 1}, 1));
    return pool.Total().relative_mae;
  };
  EXPECT_NEAR(Pool(0, 3).Total().relative_mae, std::cbrt(1.0 / 1.4 * (5.5 / 8) * (12.0 / 22)),
              kTolerance);
  EXPECT_NEAR(relative({1, 1}, 1), 1, kTolerance);     // both exact
  EXPECT_NEAR(relative({1, 1}, 2), 1e3, kTolerance);   // only the naive one is
  EXPECT_NEAR(relative({2, 2}, 2), 1e-3, kTolerance);  // only ours is
}

TEST(WindowScoresTest, AMethodThatDoesNotAnswerIsNotGood) {
  ScorePool pool;
  const std::vector<float> none(6, kMissing);
  pool.Add("a", ScoreWindow(Cases()[0].truth, {{}, none, {}}, Cases()[0].history, kSeason));
  const ScoreSummary total = pool.Total();
  EXPECT_EQ(total.windows, 0);
  EXPECT_EQ(total.answered, 0);
  EXPECT_TRUE(std::isnan(total.mase));
  EXPECT_TRUE(std::isnan(total.wql));
  EXPECT_TRUE(std::isnan(ScorePool().Total().answered));
}

TEST(WindowScoresTest, MergedPoolsAreOne) {
  ScorePool pool = Pool(0, 1);
  pool.Merge(Pool(1, 4));
  EXPECT_EQ(pool.Total().mase, Pool(0, 4).Total().mase);
  EXPECT_EQ(pool.Total().windows, 4);
}

}  // namespace
}  // namespace auspex::model
