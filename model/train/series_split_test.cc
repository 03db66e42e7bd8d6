#include "model/train/series_split.h"

#include <gtest/gtest.h>

#include "model/train/training_series_test.h"

namespace auspex::model {
namespace {

std::vector<float> Constant(int steps) { return std::vector<float>(static_cast<size_t>(steps), 1); }

// No target of a fit may lie in the tail, and every target of the tail must.
void ExpectTimeOrdered(const SeriesSplit& split, int end) {
  EXPECT_EQ(split.tail.targets_end, end);
  EXPECT_EQ(split.all.targets_end, end);
  EXPECT_EQ(split.tail.first_origin + 1, split.fit.targets_end);
  EXPECT_LT(split.fit.last_origin, split.fit.targets_end - 1);
  EXPECT_LT(split.tail.last_origin, split.tail.targets_end - 1);
  EXPECT_GE(split.fit.first_origin, 0);
  EXPECT_FALSE(split.fit.empty());
  EXPECT_FALSE(split.tail.empty());
  EXPECT_FALSE(split.all.empty());
}

TEST(SeriesSplitTest, LeavesRoomForTheWholeHorizon) {
  const ModelSpec spec = HourlySpec();
  const SeriesSplit split = SplitSeries(spec, Constant(24 * 30));
  ExpectTimeOrdered(split, 24 * 30);
  EXPECT_EQ(split.tail.targets_end - split.fit.targets_end, 108);  // 15 %
  EXPECT_EQ(split.fit.last_origin + spec.horizon_steps, split.fit.targets_end - 1);
}

TEST(SeriesSplitTest, HeldBackOriginsSpanTwoDays) {
  const ModelSpec spec = HourlySpec();
  const int steps = 24 * 12;
  const SeriesSplit split = SplitSeries(spec, Constant(steps));
  ExpectTimeOrdered(split, steps);
  EXPECT_EQ(split.tail.last_origin - split.tail.first_origin, 2 * 24);
}

TEST(SeriesSplitTest, TailIsAtMostAThird) {
  for (const int steps : {24, 30, 48, 50}) {
    const SeriesSplit split = SplitSeries(HourlySpec(), Constant(steps));
    ExpectTimeOrdered(split, steps);
    EXPECT_LE(split.tail.targets_end - split.fit.targets_end, steps / 3) << steps;
  }
}

TEST(SeriesSplitTest, IgnoresMissingEnds) {
  std::vector<float> values(200, kNan);
  std::fill(values.begin() + 50, values.begin() + 150, 1.0F);
  const SeriesSplit split = SplitSeries(HourlySpec(), values);
  EXPECT_EQ(split.length, 100);
  EXPECT_EQ(split.observed, 100);
  ExpectTimeOrdered(split, 150);
  EXPECT_GE(split.fit.first_origin, 50);
}

TEST(SeriesSplitTest, EmptyForASeriesThatIsTooShort) {
  for (const std::vector<float>& values :
       {std::vector<float>(), Constant(23), std::vector<float>(500, kNan)}) {
    const SeriesSplit split = SplitSeries(HourlySpec(), values);
    EXPECT_TRUE(split.fit.empty());
    EXPECT_TRUE(split.tail.empty());
    EXPECT_TRUE(split.all.empty());
  }
}

}  // namespace
}  // namespace auspex::model
