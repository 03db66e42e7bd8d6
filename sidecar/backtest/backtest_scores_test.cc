#include "sidecar/backtest/backtest_scores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

namespace auspex {
namespace {

using testing::SizeIs;

constexpr TimestampMs kStart = 1000 * kDay;

// Two series of `m` on hours; the second begins at hour 50. Origins at hours 40 and 60.
BacktestSet HourlySet() {
  BacktestSet set;
  set.manifest.name = "hourly";
  set.manifest.step_ms = set.manifest.score_step_ms = kHour;
  set.manifest.horizon_steps = 4;
  set.manifest.mase_season_steps = 24;
  set.manifest.min_history_points = 5;
  set.manifest.scored_metrics = {"m"};
  set.manifest.origins_ms = {kStart + 40 * kHour, kStart + 60 * kHour};
  for (const auto& [labels, start] : std::map<std::string, int>{{"a=\"1\"", 0}, {"a=\"2\"", 50}}) {
    CsvSeries series{.metric = "m", .labels = labels};
    for (int i = start; i < 80; ++i) {
      series.timestamps_ms.push_back(kStart + i * kHour);
      const int day = i / 24;
      series.values.push_back(i % 24 + 0.5 * day);
    }
    set.observed.push_back(std::move(series));
  }
  return set;
}

BacktestForecast Forecast(const BacktestSet& set, size_t series, TimestampMs origin_ms,
                          float error) {
  BacktestForecast forecast{.series = series, .origin_ms = origin_ms};
  forecast.median = GridValues(set.observed[series], origin_ms + kHour, kHour, 4);
  for (float& value : forecast.median) {
    value += error;
    forecast.low.push_back(value - 1);
    forecast.high.push_back(value + 1);
  }
  return forecast;
}

const MethodScores& Method(const BacktestReport& report, const std::string& name) {
  for (const MethodScores& method : report.methods) {
    if (method.method == name) return method;
  }
  ADD_FAILURE() << "no method " << name;
  return report.methods.front();
}

TEST(BacktestScoresTest, ScoresTheWindowsThatCount) {
  const BacktestSet set = HourlySet();
  BacktestScores scores(set);
  for (const int hour : {40, 60}) {
    scores.Add(Forecast(set, 0, kStart + hour * kHour, 0.5f));
    scores.Add(Forecast(set, 1, kStart + hour * kHour, 0.5f));
  }
  BacktestForecast extra = Forecast(set, 0, kStart + 60 * kHour, 100);
  extra.extra = true;
  scores.Add(extra);
  const BacktestReport report = scores.Report(true, model::SerialFor());
  EXPECT_EQ(report.name, "hourly");
  EXPECT_EQ(report.series, 2);
  EXPECT_EQ(report.origins, 2);
  ASSERT_THAT(report.methods, SizeIs(6));
  EXPECT_EQ(report.methods[0].method, "auspex");
  const model::ScoreSummary& ours = report.methods[0].total;
  EXPECT_EQ(ours.windows, 3);  // the second series has no history at the first origin
  EXPECT_EQ(ours.answered, 1);
  EXPECT_FLOAT_EQ(ours.mae, 0.5);
  EXPECT_EQ(ours.coverage, 1);
  EXPECT_FALSE(report.examples.empty());
  EXPECT_EQ(report.examples[0].truth.size(), 4u);
  EXPECT_EQ(report.examples[0].history.size(), 48u);
  // The same windows for all.
  for (const MethodScores& method : report.methods) EXPECT_EQ(method.total.windows, 3);
  EXPECT_NEAR(Method(report, "seasonal_naive").total.relative_mase, 1, 1e-9);
  // At hour 40 of the first series the last value is 16.5, and 17.5, 18.5, 19.5, 20.5 follow.
  EXPECT_GT(Method(report, "last").total.mae, 2);
  EXPECT_TRUE(std::isfinite(Method(report, "predict_linear").total.mae));
  EXPECT_THAT(scores.Report(false, model::SerialFor()).methods, SizeIs(1));
}

TEST(BacktestScoresTest, WhatIsNotAnsweredCountsAsMissing) {
  const BacktestSet set = HourlySet();
  BacktestScores scores(set);
  scores.Add(Forecast(set, 0, kStart + 40 * kHour, 0));
  const BacktestReport report = scores.Report(false, model::SerialFor());
  EXPECT_EQ(report.methods[0].total.windows, 1);
  EXPECT_NEAR(report.methods[0].total.answered, 1.0 / 3, 1e-9);
}

TEST(BacktestScoresTest, ScoresAgainstTheCleanValues) {
  BacktestSet set = HourlySet();
  set.clean = set.observed;
  for (CsvSeries& series : set.clean) {
    for (double& value : series.values) value += 3;
  }
  set.clean.erase(set.clean.begin());  // the first series has no truth
  BacktestScores scores(set);
  scores.Add(Forecast(set, 0, kStart + 60 * kHour, 0));
  scores.Add(Forecast(set, 1, kStart + 60 * kHour, 0));
  const BacktestReport report = scores.Report(true, model::SerialFor());
  EXPECT_EQ(report.methods[0].total.windows, 1);
  EXPECT_FLOAT_EQ(report.methods[0].total.mae, 3);
  // Baselines see what was observed: 9 hours later it is 4 more, and 3 from the difference.
  EXPECT_GT(Method(report, "last").total.mae, 3);
}

}  // namespace
}  // namespace auspex
