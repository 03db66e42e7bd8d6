#include "model/eval/baselines.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/eval/scores.h"

namespace auspex::model {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::IsNan;

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

TEST(BaselinesTest, LastSkipsWhatIsMissing) {
  EXPECT_THAT(Last(std::vector<float>{1, 2, kMissing}, 2), ElementsAre(2, 2));
  EXPECT_THAT(Last(std::vector<float>{kMissing}, 2), Each(IsNan()));
  EXPECT_THAT(Last({}, 1), ElementsAre(IsNan()));
}

TEST(BaselinesTest, SeasonalNaiveRepeatsTheLastSeason) {
  const std::vector<float> history = {9, 1, 2, 3};
  EXPECT_THAT(SeasonalNaive(history, 3, 7), ElementsAre(1, 2, 3, 1, 2, 3, 1));
  EXPECT_THAT(SeasonalNaive(history, 5, 3), ElementsAre(3, 9, 1));
}

TEST(BaselinesTest, SeasonalNaiveFallsBackSeasonBySeason) {
  // Position 0 is in the last season, 1 in the third from the end, 2 five seasons back only.
  const std::vector<float> history = {
      0,        0,        7,                                       //
      0,        0,        kMissing, 0,        5,        kMissing,  //
      kMissing, kMissing, kMissing, kMissing, kMissing, kMissing};
  EXPECT_THAT(SeasonalNaive(history, 3, 4), ElementsAre(0, 5, 5, 0));
  EXPECT_THAT(SeasonalNaive(std::vector<float>{4, kMissing}, 1, 2), ElementsAre(4, 4));
}

TEST(BaselinesTest, PredictLinearCarriesTheLineOn) {
  // The first value is outside the window.
  const std::vector<float> history = {100, 1, kMissing, 5, 7, kMissing};
  EXPECT_THAT(PredictLinear(history, 5, 3),
              ElementsAre(FloatNear(11, 1e-5), FloatNear(13, 1e-5), FloatNear(15, 1e-5)));
}

TEST(BaselinesTest, PredictLinearIsTheLeastSquaresLine) {
  // Through (-2, 1), (-1, 5), (0, 3): slope 1, at the mean time -1 it is 3.
  EXPECT_THAT(PredictLinear(std::vector<float>{1, 5, 3}, 3, 2),
              ElementsAre(FloatNear(5, 1e-5), FloatNear(6, 1e-5)));
}

TEST(BaselinesTest, PredictLinearWithLittleToGoBy) {
  EXPECT_THAT(PredictLinear(std::vector<float>{1, 4}, 1, 2), ElementsAre(4, 4));
  EXPECT_THAT(PredictLinear(std::vector<float>{3, kMissing}, 1, 2), ElementsAre(3, 3));
  EXPECT_THAT(PredictLinear({}, 5, 1), ElementsAre(IsNan()));
}

TEST(BaselinesTest, PredictLinearWindowIsFourHoursOrADayOfSteps) {
  EXPECT_EQ(PredictLinearWindow(60), 240);
  EXPECT_EQ(PredictLinearWindow(300), 48);
  EXPECT_EQ(PredictLinearWindow(900), 24);
  EXPECT_EQ(PredictLinearWindow(3600), 24);
}

// A level, a slope and a wave of 24 steps, with a little noise that repeats from run to run.
std::vector<float> Wave(int steps, double slope, double noise, int step_from = 0) {
  std::vector<float> values;
  uint32_t state = 1;
  for (int i = step_from; i < step_from + steps; ++i) {
    state = state * 1664525 + 1013904223;
    const double random = static_cast<double>(state >> 8) / (1 << 24) - 0.5;
    values.push_back(
        static_cast<float>(50 + slope * i + 10 * std::sin(i * 2 * M_PI / 24) + noise * random));
  }
  return values;
}

double MeanError(const std::vector<float>& forecast, const std::vector<float>& truth) {
  return MeanAbsoluteError(truth, forecast);
}

using Method = std::vector<float> (*)(std::span<const float>, int, int);

class SeasonalMethodTest : public ::testing::TestWithParam<Method> {
 protected:
  std::vector<float> Forecast(const std::vector<float>& history, int season, int horizon) {
    return GetParam()(history, season, horizon);
  }
};

TEST_P(SeasonalMethodTest, FollowsSeasonAndTrend) {
  const std::vector<float> truth = Wave(48, 0.1, 0, 240);
  const auto forecast = Forecast(Wave(240, 0.1, 1), 24, 48);
  ASSERT_EQ(forecast.size(), 48);
  // The seasonal naive forecast is a day of trend behind: 3.6 on average.
  EXPECT_LT(MeanError(forecast, truth), 2);
  EXPECT_LT(MeanError(forecast, truth),
            0.6 * MeanError(SeasonalNaive(Wave(240, 0.1, 1), 24, 48), truth));
}

TEST_P(SeasonalMethodTest, FineStepsGiveTheSameAsHours) {
  const std::vector<float> hours = Wave(240, 0, 1);
  std::vector<float> fine;
  for (float hour : hours) fine.insert(fine.end(), 12, hour);
  const auto forecast = Forecast(fine, 288, 288);
  const auto coarse = Forecast(hours, 24, 24);
  ASSERT_EQ(forecast.size(), 288);
  for (size_t i = 0; i < 24; ++i) {
    // The middle of an hour lies between its sixth and seventh five minutes.
    EXPECT_NEAR((forecast[12 * i + 5] + forecast[12 * i + 6]) / 2, coarse[i], 0.3) << i;
  }
}

TEST_P(SeasonalMethodTest, GapsAreBridged) {
  std::vector<float> history = Wave(240, 0, 1);
  for (size_t i = 0; i < history.size(); i += 7) history[i] = kMissing;
  for (size_t i = 100; i < 115; ++i) history[i] = kMissing;
  history[0] = history[1] = history[239] = kMissing;
  EXPECT_LT(MeanError(Forecast(history, 24, 24), Wave(24, 0, 0, 240)), 1.5);
}

TEST_P(SeasonalMethodTest, ConstantStaysConstant) {
  const std::vector<float> history(300, 7);
  EXPECT_THAT(Forecast(history, 24, 30), Each(FloatNear(7, 1e-4)));
  EXPECT_THAT(Forecast(history, 1, 30), Each(FloatNear(7, 1e-4)));
  EXPECT_THAT(Forecast(std::vector<float>(300, 0), 24, 30), Each(0));
}

TEST_P(SeasonalMethodTest, WithoutASeasonTheLevelDecides) {
  std::vector<float> history = Wave(200, 0, 0);
  for (size_t i = 0; i < history.size(); ++i) history[i] = i < 100 ? 1 : 9;
  for (float value : Forecast(history, 1, 10)) EXPECT_NEAR(value, 9, 1);
}

TEST_P(SeasonalMethodTest, NegativeValuesAreNoObstacle) {
  std::vector<float> history = Wave(240, 0, 1);
  for (float& value : history) value -= 50;
  std::vector<float> truth = Wave(24, 0, 0, 240);
  for (float& value : truth) value -= 50;
  EXPECT_LT(MeanError(Forecast(history, 24, 24), truth), 1);
}

TEST_P(SeasonalMethodTest, TooLittleHistoryIsTheLastValue) {
  EXPECT_THAT(Forecast({1, 2, 3}, 24, 2), ElementsAre(3, 3));
  EXPECT_THAT(Forecast({}, 24, 2), Each(IsNan()));
  EXPECT_THAT(Forecast(std::vector<float>(100, kMissing), 24, 2), Each(IsNan()));
}

TEST_P(SeasonalMethodTest, LargeNumbersDoNotMatter) {
  std::vector<float> history = Wave(240, 0.1, 1);
  const auto small = Forecast(history, 24, 24);
  for (float& value : history) value *= 1e12F;
  const auto large = Forecast(history, 24, 24);
  for (size_t i = 0; i < small.size(); ++i) EXPECT_NEAR(large[i] / 1e12, small[i], 0.01);
}

INSTANTIATE_TEST_SUITE_P(Methods, SeasonalMethodTest, ::testing::Values(HoltWinters, Theta),
                         [](const auto& tested) {
                           return tested.param == HoltWinters ? "HoltWinters" : "Theta";
                         });

}  // namespace
}  // namespace auspex::model
