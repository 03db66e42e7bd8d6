#include "model/features/candidates.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "model/features/instruction_sets_test.h"
#include "model/features/window_scale.h"

namespace auspex::model {
namespace {

constexpr size_t kYesterdayRising = 6;
constexpr size_t kLastWeekByHour = 8;
constexpr size_t kLastWeek = 9;
constexpr size_t kMedianOfDays = 16;
constexpr size_t kLastWeekByDay = 17;

const ModelSpec kHourly{.step_ms = 3'600'000};
const ModelSpec kQuarterHourly{.step_ms = 900'000};

// A network of exchanges that is right for all zeros and ones is right for all values.
TEST(CandidatesTest, MedianOfSevenDaysIsInTheMiddleOfEveryOrder) {
  const Season season(kHourly);
  ForEachInstructionSet([&] {
    for (unsigned bits = 0; bits < 128; ++bits) {
      std::vector<float> values(7 * 24);
      for (size_t t = 0; t < values.size(); ++t) values[t] = static_cast<float>(bits >> t / 24 & 1);
      const SeriesIndex series(kHourly, values, 0);
      const HistoryView view = *HistoryView::From(series, 0, series.size() - 1);
      const auto candidates = CandidatesAt(view, season, StatisticsOf(view, season), 5);
      EXPECT_EQ(candidates[kMedianOfDays], std::popcount(bits) >= 4 ? 1 : 0) << bits;
    }
  });
}

// The candidates at the end of an hourly series.
std::array<double, kCandidates> CandidatesOf(const std::vector<float>& values, int k) {
  const Season season(kHourly);
  const SeriesIndex series(kHourly, values, 0);
  const HistoryView view = *HistoryView::From(series, 0, series.size() - 1);
  return CandidatesAt(view, season, StatisticsOf(view, season), k);
}

// A rhythm of a week, no two hours alike.
float WeekRhythm(size_t t) { return 100 + static_cast<float>(t % 168 * 37 % 168); }

TEST(CandidatesTest, AWeekAtAnotherLevelIsFollowed) {
  std::vector<float> values;
  for (size_t t = 0; t < 336; ++t) values.push_back(WeekRhythm(t) * (t < 300 ? 1.0F : 1.5F));
  for (const int k : {1, 24, 40}) {
    const auto candidates = CandidatesOf(values, k);
    const double truth = 1.5 * WeekRhythm(335 + static_cast<size_t>(k));
    EXPECT_NEAR(candidates[kLastWeekByHour], truth, 1e-3) << k;
    EXPECT_NEAR(candidates[kLastWeekByDay], truth, 1e-3) << k;
  }
}

TEST(CandidatesTest, ALevelIsNoRatioBelowZeroOrFarAway) {
  std::vector<float> values;
  for (size_t t = 0; t < 336; ++t) values.push_back(WeekRhythm(t) * (t < 300 ? 1.0F : -1.0F));
  EXPECT_EQ(CandidatesOf(values, 5)[kLastWeekByHour], WeekRhythm(340));
  for (size_t t = 300; t < 336; ++t) values[t] *= -1000;
  EXPECT_NEAR(CandidatesOf(values, 5)[kLastWeekByHour], 4 * WeekRhythm(340), 1e-3);
}

TEST(CandidatesTest, YesterdayRisesOncePerDayAhead) {
  std::vector<float> values;
  for (size_t day = 0; day < 4; ++day) {
    for (size_t hour = 0; hour < 24; ++hour) values.push_back(static_cast<float>(hour + 50 * day));
  }
  EXPECT_NEAR(CandidatesOf(values, 1)[kYesterdayRising], 200, 1e-9);
  EXPECT_NEAR(CandidatesOf(values, 24)[kYesterdayRising], 223, 1e-9);
  EXPECT_NEAR(CandidatesOf(values, 25)[kYesterdayRising], 250, 1e-9);
  // There is no last week to tell more.
  EXPECT_NEAR(CandidatesOf(values, 25)[kLastWeek], 250, 1e-9);
}

// Targets in any order, across the ends of days and weeks; histories with gaps, and short ones;
// past origins of a longer view.
TEST(CandidatesTest, ManyAreWhatOneIs) {
  std::mt19937 random(1);
  std::normal_distribution<float> noise(50, 10);
  const Season season(kQuarterHourly);
  std::vector<float> values(3 * 7 * 96 + 50);
  for (float& value : values) {
    value = random() % 9 == 0 ? std::numeric_limits<float>::quiet_NaN() : noise(random);
  }
  values[0] = 50;
  const SeriesIndex series(kQuarterHourly, values, 0);
  std::vector<int> all(800);
  std::iota(all.begin(), all.end(), 1);
  std::vector<int> shuffled = all;
  std::shuffle(shuffled.begin(), shuffled.end(), random);
  ForEachInstructionSet([&] {
    for (const int steps : {3, 60, 400, 1000, 2000}) {
      const HistoryView newest =
          *HistoryView::From(series, series.size() - steps - 20, series.size() - 1);
      const HistoryView view = newest.Until(newest.last() - 20);
      MovingMeans smoothed;
      smoothed.Assign(newest, 2 * season.smoothing + 1);
      const OriginStatistics statistics = StatisticsOf(view, season);
      for (const std::vector<int>& k : {all, shuffled}) {
        for (size_t begin = 0; begin < k.size(); begin += 31) {
          const auto some = std::span(k).subspan(begin, std::min<size_t>(31, k.size() - begin));
          CandidateRows rows;
          FillCandidates(view, smoothed, season, statistics, some, &rows);
          for (size_t t = 0; t < some.size(); ++t) {
            const auto expected = CandidatesAt(view, season, statistics, some[t]);
            for (size_t j = 0; j < kCandidates; ++j) {
              ASSERT_NEAR(rows.values[j][t], expected[j], 1e-11) << j << " at " << some[t];
            }
            const int week_ago =
                view.last() + some[t] - season.week * ((some[t] - 1) / season.week + 1);
            EXPECT_EQ(rows.week_ago_known[t], !std::isnan(view.Smooth(week_ago, season.smoothing)));
          }
        }
      }
    }
  });
}

TEST(CandidatesTest, ZOfEveryCountIsATargetAfterTheOther) {
  std::mt19937 random(2);
  std::normal_distribution<double> noise(50, 10);
  CandidateRows rows;
  for (auto& row : rows.values) {
    for (double& value : row) value = noise(random);
  }
  rows.values[3][0] = 1e30;
  rows.values[4][0] = -1e30;
  ForEachInstructionSet([&] {
    for (size_t n = 1; n <= CandidateRows::kTargets; ++n) {
      std::vector<float> z(n * kCandidates + 1, 7);
      CandidatesToZ(rows, n, 48, 9, z.data());
      for (size_t i = 0; i < n * kCandidates; ++i) {
        const double expected = ToZ(rows.values[i % kCandidates][i / kCandidates], 48, 9);
        ASSERT_FLOAT_EQ(z[i], static_cast<float>(expected)) << n << " " << i;
      }
      EXPECT_EQ(z.back(), 7);
    }
  });
}

}  // namespace
}  // namespace auspex::model
