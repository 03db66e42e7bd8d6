#include "sidecar/backtest/windows.h"

#include <cmath>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace auspex {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsNan;
using ::testing::Pair;

CsvSeries Series(std::vector<TimestampMs> times) {
  CsvSeries series{.metric = "m", .labels = "l", .timestamps_ms = std::move(times)};
  for (TimestampMs time : series.timestamps_ms) {
    series.values.push_back(static_cast<double>(time) / 10);
  }
  return series;
}

TEST(WindowsTest, GridHoldsWhatIsExactlyOnIt) {
  CsvSeries series = Series({0, 10, 25, 30, 30, 50});
  series.values[4] = 99;  // the second sample of one time
  EXPECT_THAT(GridValues(series, 10, 10, 5), ElementsAre(1, IsNan(), 3, IsNan(), 5));
  EXPECT_THAT(GridValues(series, -20, 10, 3), ElementsAre(IsNan(), IsNan(), 0));
  EXPECT_THAT(GridValues(series, 60, 10, 1), ElementsAre(IsNan()));
}

TEST(WindowsTest, HistoryEndsAtTheOriginAndHoldsNothingLater) {
  const CsvSeries series = Series({10, 20, 40, 50, 60});
  EXPECT_THAT(HistoryValues(series, 40, 10), ElementsAre(1, 2, IsNan(), 4));
  EXPECT_THAT(HistoryValues(series, 50, 20), ElementsAre(1, IsNan(), 5));
  // A grid of the origin: the first sample lies beside it.
  EXPECT_THAT(HistoryValues(series, 60, 20), ElementsAre(2, 4, 6));
  EXPECT_THAT(HistoryValues(series, 9, 10), IsEmpty());
  EXPECT_THAT(HistoryValues(series, 70, 10).back(), IsNan());
}

TEST(WindowsTest, SecondsForMillisecondsDoNotFillTheMemory) {
  const CsvSeries series = Series({0, 1'700'000'000'000});
  EXPECT_EQ(HistoryValues(series, 1'700'000'000'000, 1).size(), kHistoryStepsMax);
}

TEST(WindowsTest, ScoredAreThoseWithHistoryAndTruth) {
  BacktestManifest manifest;
  manifest.score_step_ms = 10;
  manifest.horizon_steps = 2;
  manifest.min_history_points = 3;
  manifest.scored_metrics = {"m"};
  manifest.origins_ms = {0, 20, 40, 70, 90};
  std::vector<CsvSeries> series = {Series({0, 10, 20, 30, 60, 90}), Series({0, 10, 20, 30})};
  series[0].metric = "other";
  std::vector<std::pair<size_t, TimestampMs>> found;
  // The one that counts has three points at 20, no truth after 90, and a gap at 50 but not at 60.
  std::vector<CsvSeries> three = {series[0], Series({0, 10, 20, 30, 60, 90}), series[1]};
  for (const BacktestWindow& window : ScoredWindows(manifest, three)) {
    found.emplace_back(window.series, window.origin_ms);
  }
  EXPECT_THAT(found, ElementsAre(Pair(1, 20), Pair(1, 40), Pair(1, 70), Pair(2, 20)));
}

}  // namespace
}  // namespace auspex
