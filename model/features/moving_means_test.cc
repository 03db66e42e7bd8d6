#include "model/features/moving_means.h"

#include <cmath>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "model/features/instruction_sets_test.h"

namespace auspex::model {
namespace {

std::vector<float> Noise(size_t n) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(10, 100);
  std::vector<float> values(n);
  for (float& value : values) value = normal(random);
  return values;
}

TEST(MovingMeansTest, AreTheMeansOfTheView) {
  const SeriesIndex series(ModelSpec{}, Noise(1500), 0);
  ForEachInstructionSet([&] {
    MovingMeans means;
    for (const int last : {20, 21, 1499}) {
      const HistoryView view = *HistoryView::From(series, 17, last);
      for (const int width : {1, 2, 3, 4, 5, 13, 16, 61, 64, 255, 600, 2000}) {
        SCOPED_TRACE(width);
        means.Assign(view, width);
        EXPECT_TRUE(std::isnan(means.Until(17)));
        EXPECT_TRUE(std::isnan(means.Until(-4)));
        for (int end = 18; end <= last + 1; ++end) {
          ASSERT_NEAR(means.Until(end), view.Mean(end - width, end), 1e-11) << end;
        }
      }
    }
  });
}

TEST(MovingMeansTest, ASpikeLeavesNoErrorInMeansBesideIt) {
  std::vector<float> values(400, 0.1F);
  values[200] = 3e30F;
  const SeriesIndex series(ModelSpec{}, values, 0);
  MovingMeans means;
  means.Assign(*HistoryView::From(series, 0, 399), 13);
  for (int end = 13; end <= 400; ++end) {
    if (end > 200 && end - 13 <= 200) continue;
    ASSERT_NEAR(means.Until(end), 0.1F, 1e-15) << end;
  }
}

TEST(MovingMeansTest, EachIsWhatOneIs) {
  const SeriesIndex series(ModelSpec{}, Noise(50), 0);
  MovingMeans means;
  means.Assign(*HistoryView::From(series, 10, 49), 5);
  for (int begin = -5; begin < 50; ++begin) {
    for (const size_t count : {1, 2, 9, 70}) {
      std::vector<double> each(count);
      means.UntilEach(begin, 45, each);
      for (size_t i = 0; i < count; ++i) {
        const double expected = means.Until(std::min(begin + static_cast<int>(i), 45));
        EXPECT_TRUE(each[i] == expected || (std::isnan(each[i]) && std::isnan(expected)))
            << begin << " " << i;
      }
    }
  }
}

}  // namespace
}  // namespace auspex::model
