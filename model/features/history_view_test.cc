#include "model/features/history_view.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "gtest/gtest.h"
#include "model/features/instruction_sets_test.h"

namespace auspex::model {
namespace {

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

SeriesIndex IndexOf(const std::vector<float>& values) { return {ModelSpec{}, values, 0}; }

TEST(SeriesIndexTest, FillsForwardAndRemembersWhatWasObserved) {
  const SeriesIndex series = IndexOf({kMissing, 3, kMissing, INFINITY, 5});
  EXPECT_EQ(series.size(), 5);
  EXPECT_TRUE(std::isnan(series.raw(0)));
  EXPECT_EQ(series.raw(1), 3);
  EXPECT_TRUE(std::isnan(series.raw(3)));
  EXPECT_EQ(series.filled(3), 3);
  EXPECT_EQ(series.Sum(1, 5), 3 + 3 + 3 + 5);
  EXPECT_EQ(series.ObservedCount(0, 5), 2);
  EXPECT_EQ(series.FirstObserved(0, 5), 1);
  EXPECT_EQ(series.FirstObserved(2, 5), 4);
  EXPECT_EQ(series.FirstObserved(2, 4), 4);
  EXPECT_EQ(series.FirstObserved(0, 0), 0);
}

TEST(SeriesIndexTest, KnowsWhatWasObservedInAnyRange) {
  std::mt19937 random(1);
  for (const int steps : {0, 1, 63, 64, 65, 200}) {
    std::vector<float> values(static_cast<size_t>(steps));
    for (float& value : values) value = random() % 40 == 0 ? 1 : kMissing;
    const SeriesIndex series = IndexOf(values);
    for (int begin = 0; begin <= steps; ++begin) {
      int count = 0;
      int first = steps;
      for (int end = begin; end <= steps; ++end) {
        EXPECT_EQ(series.ObservedCount(begin, end), count) << begin << " " << end;
        EXPECT_EQ(series.FirstObserved(begin, end), std::min(first, end)) << begin << " " << end;
        if (end == steps || std::isnan(values[static_cast<size_t>(end)])) continue;
        ++count;
        first = std::min(first, end);
      }
    }
  }
}

TEST(SeriesIndexTest, FillsForwardOnEveryInstructionSet) {
  std::mt19937 random(2);
  ForEachInstructionSet([&] {
    for (const size_t steps : {1, 63, 64, 65, 300}) {
      std::vector<float> values(steps, 3);
      for (float& value : values) value = static_cast<float>(random() % 100);
      for (size_t i = 70; i < steps; ++i) {
        if (random() % 3 == 0) values[i] = random() % 2 == 0 ? kMissing : -INFINITY;
      }
      const SeriesIndex series = IndexOf(values);
      float newest = 0;
      for (size_t i = 0; i < steps; ++i) {
        if (std::isfinite(values[i])) newest = values[i];
        EXPECT_EQ(series.filled(static_cast<int>(i)), newest);
        EXPECT_EQ(series.observed(static_cast<int>(i)), std::isfinite(values[i]));
      }
    }
  });
}

TEST(SeriesIndexTest, AssignReplacesEverything) {
  SeriesIndex series = IndexOf({1, 2, 3, 4});
  series.Assign(std::vector<float>{kMissing, 7}, 600'000);
  EXPECT_EQ(series.size(), 2);
  EXPECT_EQ(series.FirstObserved(0, 2), 1);
  EXPECT_EQ(series.Sum(1, 2), 7);
  EXPECT_EQ(series.time_ms(1), 900'000);
}

TEST(SeriesIndexTest, ASpikeLeavesNoErrorInSumsBesideIt) {
  std::vector<float> values(1000, 0.1F);
  values[100] = 3e30F;
  values[200] = -2e30F;
  const SeriesIndex series = IndexOf(values);
  EXPECT_DOUBLE_EQ(series.Sum(0, 100), 100 * static_cast<double>(0.1F));
  EXPECT_NEAR(series.Sum(300, 400) / (100 * static_cast<double>(0.1F)), 1, 1e-12);
}

TEST(HistoryViewTest, BeginsAtItsFirstValue) {
  const SeriesIndex series = IndexOf({9, kMissing, kMissing, 4, kMissing, 6, 8});
  const auto view = HistoryView::From(series, 1, 5);
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->first(), 3);
  EXPECT_EQ(view->steps(), 3);
  EXPECT_FALSE(view->Has(2));
  EXPECT_FALSE(view->Has(6));
  EXPECT_EQ(view->At(4), 4);
  EXPECT_FALSE(view->Observed(4));
  EXPECT_EQ(view->ObservedCount(-10, 10), 2);
  EXPECT_FALSE(HistoryView::From(series, 1, 2).has_value());
}

TEST(HistoryViewTest, MeansReadOnlyTheView) {
  const SeriesIndex series = IndexOf({100, 1, 2, 3, 4, 100});
  const HistoryView view = *HistoryView::From(series, 1, 4);
  EXPECT_EQ(view.Mean(-5, 3), 1.5);
  EXPECT_EQ(view.MeanOfNewest(2), 3.5);
  EXPECT_EQ(view.MeanOfNewest(50), 2.5);
  EXPECT_TRUE(std::isnan(view.Mean(5, 9)));
  EXPECT_TRUE(std::isnan(view.Mean(-3, 1)));
  EXPECT_EQ(view.Smooth(2, 1), 2);
  EXPECT_EQ(view.Smooth(4, 1), 3) << "moved back to end at the newest step";
  EXPECT_EQ(view.Smooth(0, 1), 1);
  EXPECT_TRUE(std::isnan(view.Smooth(-2, 1)));
  EXPECT_EQ(view.Until(2).MeanOfNewest(2), 1.5);
}

TEST(HistoryViewTest, MedianIsTheMiddle) {
  const SeriesIndex series = IndexOf({5, 1, 4, 2, 3});
  const HistoryView view = *HistoryView::From(series, 0, 4);
  EXPECT_EQ(view.MedianOfNewest(1), 3);
  EXPECT_EQ(view.MedianOfNewest(2), 2.5);
  EXPECT_EQ(view.MedianOfNewest(4), 2.5);
  EXPECT_EQ(view.MedianOfNewest(99), 3);
}

}  // namespace
}  // namespace auspex::model
