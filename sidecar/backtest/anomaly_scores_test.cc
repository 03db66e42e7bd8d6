#include "sidecar/backtest/anomaly_scores.h"

#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sidecar/base/file.h"
#include "tests/testing/temp_dir.h"

namespace auspex {
namespace {

using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::SizeIs;

constexpr int kDaySteps = 24;
constexpr TimestampMs kStart = 20'000 * kDay;

// A daily rhythm with a little noise, hourly.
CsvSeries Rhythm(int steps) {
  CsvSeries series{.metric = "used", .labels = "user=\"ann\""};
  for (int i = 0; i < steps; ++i) {
    series.timestamps_ms.push_back(kStart + i * kHour);
    series.values.push_back(100 + 20 * std::sin(i * 2 * M_PI / kDaySteps) + i * 37 % 11 * 0.2);
  }
  return series;
}

std::vector<float> Score(const CsvSeries& series) {
  const std::vector<CsvSeries> none;
  const auto scores =
      ScoreSamples(series, {.series = none, .step_ms = {}, .context_ms = 14 * kDay});
  EXPECT_TRUE(scores.ok()) << scores.status();
  return scores.ok() ? *scores : std::vector<float>();
}

TEST(AnomalyScoresTest, AFutureSecretIsNotFound) {
  const int known = 20 * kDaySteps;
  const CsvSeries plain = Rhythm(30 * kDaySteps);
  CsvSeries secret = plain;
  for (size_t i = known; i < secret.values.size(); ++i) secret.values[i] = 7e6;
  secret.timestamps_ms.push_back(kStart + 400 * kDay);  // a gap, too
  secret.values.push_back(std::numeric_limits<double>::infinity());
  std::vector<float> before = Score(plain);
  std::vector<float> told = Score(secret);
  before.resize(known);
  EXPECT_THAT(told, SizeIs(plain.values.size() + 1));
  EXPECT_GT(told[known], 100);
  told.resize(known);
  EXPECT_EQ(told, before);
}

TEST(AnomalyScoresTest, EverySampleIsScoredEvenTwoOfOneStep) {
  CsvSeries series = Rhythm(10 * kDaySteps);
  const auto at = series.timestamps_ms.begin() + 200;
  series.timestamps_ms.insert(at, {kStart + 200 * kHour - kMinute, kStart + 200 * kHour});
  const double value = series.values[200];
  series.values.insert(series.values.begin() + 200, {value, value + 500});
  const std::vector<float> scores = Score(series);
  ASSERT_THAT(scores, SizeIs(series.values.size()));
  EXPECT_THAT(scores[200], Le(1));
  EXPECT_THAT(scores[201], Gt(10));
  // What came between did not change what is expected of the step, nor of the next.
  EXPECT_EQ(scores[202], scores[200]);
  EXPECT_THAT(scores[203], Le(1));
}

TEST(AnomalyScoresTest, LateSamplesStayInTheirSteps) {
  // Scrapes that come a little late belong to the same steps.
  const CsvSeries exact = Rhythm(15 * kDaySteps);
  CsvSeries late = exact;
  for (size_t i = 1; i < late.timestamps_ms.size(); ++i) {
    late.timestamps_ms[i] += static_cast<DurationMs>(i % 3) * kMinute;
  }
  EXPECT_EQ(Score(late), Score(exact));
}

TEST(AnomalyScoresTest, WritesARowPerSampleWhateverRunsBesideIt) {
  TempDir dir;
  const std::vector<CsvSeries> series = {Rhythm(5 * kDaySteps), Rhythm(6 * kDaySteps)};
  const AnomalyTask task{.series = series, .step_ms = kHour, .context_ms = 14 * kDay};
  const auto never = [] { return false; };
  const auto ignore = [](double) {};
  const auto backwards = [](size_t n, const std::function<void(size_t)>& body) {
    while (n-- > 0) body(n);
  };
  const auto summary =
      WriteAnomalyScores(task, dir.File("a.csv"), model::SerialFor(), ignore, never);
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(summary->series, 2);
  EXPECT_EQ(summary->samples, 11 * kDaySteps);
  EXPECT_THAT(AnomalySummaryText(*summary), HasSubstr("2 series, 264 samples"));
  ASSERT_TRUE(WriteAnomalyScores(task, dir.File("b.csv"), backwards, ignore, never).ok());
  const std::string text = *ReadFile(dir.File("a.csv"));
  EXPECT_EQ(*ReadFile(dir.File("b.csv")), text);
  const std::vector<std::string> rows = absl::StrSplit(text, '\n');
  ASSERT_THAT(rows, SizeIs(11 * kDaySteps + 2));
  EXPECT_EQ(rows[0], "metric,labels,timestamp_ms,score");
  EXPECT_EQ(rows[1], absl::StrCat("used,\"user=\"\"ann\"\"\",", kStart, ",0"));

  EXPECT_TRUE(
      absl::IsCancelled(WriteAnomalyScores(task, dir.File("c.csv"), model::SerialFor(), ignore, [] {
                          return true;
                        }).status()));
}

TEST(AnomalyScoresTest, ASpanThatIsNoHistoryIsRefused) {
  CsvSeries series = Rhythm(3);
  series.timestamps_ms = {0, kSecond, 500'000 * kDay};
  const std::vector<CsvSeries> none;
  const auto scores =
      ScoreSamples(series, {.series = none, .step_ms = kSecond, .context_ms = kDay});
  EXPECT_TRUE(absl::IsInvalidArgument(scores.status())) << scores.status();
}

}  // namespace
}  // namespace auspex
