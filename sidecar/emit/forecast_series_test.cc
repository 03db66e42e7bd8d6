#include "sidecar/emit/forecast_series.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace auspex {
namespace {

// 2026-03-02 00:00 UTC.
constexpr TimestampMs kMidnight = 1'772'409'600'000;

ActiveRule Active() {
  Rule rule;
  rule.name = "storage";
  rule.base_name = "used";
  rule.values.step_ms = kHour;
  rule.leads_ms = {kHour, 6 * kHour};
  rule.limit = Limit{100, std::nullopt};
  return {rule, OutputNames(rule.base_name), RuleId{1}, std::nullopt};
}

// The median is 10 k at target k.
Forecast Climbing() {
  Forecast forecast;
  forecast.labels = LabelSet({{"user", "ann"}});
  forecast.origin_ms = kMidnight;
  forecast.step_ms = kHour;
  forecast.quantile_levels = {0.1, 0.5, 0.9};
  forecast.limit = 100;
  forecast.model = "lstm";
  forecast.reason = "ok";
  for (int k = 1; k <= 24; ++k) {
    const auto median = 10.0F * static_cast<float>(k);
    forecast.values.insert(forecast.values.end(), {median - 5, median, median + 5});
  }
  return forecast;
}

std::map<std::string, double> Emit(const ActiveRule& active, const Forecast& forecast,
                                   TimestampMs now_ms) {
  std::map<std::string, double> series;
  for (const auto& labeled :
       ForecastSeries(active, LabelSet({{"by", "us"}}), TimeZone(), {&forecast, 1}, now_ms)) {
    EXPECT_EQ(labeled.sample.timestamp_ms, now_ms);
    EXPECT_TRUE(series.emplace(labeled.labels.ToString(), labeled.sample.value).second);
  }
  return series;
}

TEST(ForecastSeries, WritesEverySeriesOfTheDesign) {
  const ActiveRule active = Active();
  const auto series = Emit(active, Climbing(), kMidnight);
  EXPECT_EQ(series.size(), SeriesPerAggregate(active.rule));
  EXPECT_EQ(series.at("used_forecast{by=\"us\",horizon=\"6h\",quantile=\"0.5\",user=\"ann\"}"), 60);
  EXPECT_EQ(series.at("used_forecast{by=\"us\",horizon=\"1h\",quantile=\"0.9\",user=\"ann\"}"), 15);
  EXPECT_EQ(series.at("used_forecast_seconds_to_limit{by=\"us\",quantile=\"0.5\",user=\"ann\"}"),
            36000);
  EXPECT_EQ(series.at("used_forecast_breach_probability{by=\"us\",horizon=\"6h\",user=\"ann\"}"),
            0);
  EXPECT_EQ(series.at("used_forecast_state{by=\"us\",model=\"lstm\",reason=\"ok\",user=\"ann\"}"),
            1);
  EXPECT_FALSE(
      series.contains("used_forecast_seconds_to_limit{by=\"us\",quantile=\"0.1\",user=\"ann\"}"));
}

TEST(ForecastSeries, MovesOnBetweenIssues) {
  const auto series = Emit(Active(), Climbing(), kMidnight + 30 * kMinute);
  EXPECT_EQ(series.at("used_forecast{by=\"us\",horizon=\"6h\",quantile=\"0.5\",user=\"ann\"}"), 65);
}

TEST(ForecastSeries, PeriodIsThatOfTheTarget) {
  ActiveRule active = Active();
  active.rule.day = DayPeriod{6 * 60, 20 * 60};
  const auto series = Emit(active, Climbing(), kMidnight);
  EXPECT_TRUE(series.contains(
      "used_forecast{by=\"us\",horizon=\"1h\",period=\"night\",quantile=\"0.5\",user=\"ann\"}"));
  EXPECT_TRUE(series.contains(
      "used_forecast{by=\"us\",horizon=\"6h\",period=\"day\",quantile=\"0.5\",user=\"ann\"}"));
}

TEST(ForecastSeries, SaysNothingItDoesNotKnow) {
  // Beyond the curve, without a limit, and without any values.
  ActiveRule active = Active();
  EXPECT_EQ(Emit(active, Climbing(), kMidnight + 20 * kHour)
                .count("used_forecast{by=\"us\",horizon=\"6h\",quantile=\"0.5\",user=\"ann\"}"),
            0U);
  Forecast forecast = Climbing();
  forecast.limit = Missing();
  EXPECT_EQ(Emit(active, forecast, kMidnight).size(), 7U);
  forecast.values.clear();
  forecast.model = "none";
  forecast.reason = "cold_start";
  EXPECT_EQ(Emit(active, forecast, kMidnight).size(), 1U);
}

}  // namespace
}  // namespace auspex
