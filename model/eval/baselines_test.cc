#include "model/eval/baselines.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

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

}  // namespace
}  // namespace auspex::model
