#include "sidecar/serve/curve.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace auspex {
namespace {

// 2026-03-02 00:00 UTC, a Monday.
constexpr TimestampMs kMidnight = 1'772'409'600'000;

ActiveRule Active(DurationMs step_ms) {
  Rule rule;
  rule.name = "storage";
  rule.base_name = "storage_used_bytes";
  rule.values.step_ms = step_ms;
  rule.interval_ms = step_ms;
  rule.leads_ms = {kHour};
  return {rule, OutputNames(rule.base_name), RuleId{1}, std::nullopt};
}

// Value k at target k for the median, 1 apart for the outer quantiles.
Forecast Counting(TimestampMs origin_ms, DurationMs step_ms, int steps) {
  Forecast forecast;
  forecast.aggregate = AggregateId{7};
  forecast.labels = LabelSet({{"user", "ann"}});
  forecast.origin_ms = origin_ms;
  forecast.step_ms = step_ms;
  forecast.quantile_levels = {0.1, 0.5, 0.9};
  for (int k = 1; k <= steps; ++k) {
    const auto v = static_cast<float>(k);
    forecast.values.insert(forecast.values.end(), {v - 1, v, v + 1});
  }
  return forecast;
}

Selector Parse(const std::string& text) { return Selector::Parse(text).value(); }

const LabelSet kExternal({{"forecaster", "auspex"}});

std::vector<ReadSeries> Median(const ActiveRule& active, const Forecast& forecast,
                               const std::vector<PastPoint>& past, TimestampMs first,
                               TimestampMs last) {
  return BuildCurve(active, kExternal, TimeZone(),
                    Parse("storage_used_bytes_forecast{forecast=\"curve\",quantile=\"0.5\"}"),
                    forecast, past, first, last);
}

TEST(BuildCurve, ServesTargetsAtTheirFutureTimes) {
  const auto curve = Median(Active(5 * kMinute), Counting(kMidnight, 5 * kMinute, 288), {},
                            kMidnight, kMidnight + kDay);
  ASSERT_EQ(curve.size(), 1U);
  EXPECT_EQ(curve[0].labels.ToString(),
            "storage_used_bytes_forecast{forecast=\"curve\",forecaster=\"auspex\","
            "quantile=\"0.5\",user=\"ann\"}");
  ASSERT_EQ(curve[0].samples.size(), 288U);
  EXPECT_EQ(curve[0].samples.front().timestamp_ms, kMidnight + 5 * kMinute);
  EXPECT_EQ(curve[0].samples.front().value, 1);
  EXPECT_EQ(curve[0].samples.back().timestamp_ms, kMidnight + kDay);
  EXPECT_EQ(curve[0].samples.back().value, 288);
}

TEST(BuildCurve, IsDenseEnoughForPromqlWhateverTheStep) {
  const auto curve =
      Median(Active(kHour), Counting(kMidnight, kHour, 24), {}, kMidnight, kMidnight + kDay);
  ASSERT_EQ(curve.size(), 1U);
  for (size_t i = 1; i < curve[0].samples.size(); ++i) {
    EXPECT_LE(curve[0].samples[i].timestamp_ms - curve[0].samples[i - 1].timestamp_ms,
              kLookbackDelta);
  }
  // Half way between the targets 1 and 2.
  const auto& samples = curve[0].samples;
  const auto half = std::find_if(samples.begin(), samples.end(), [](const Sample& s) {
    return s.timestamp_ms == kMidnight + kHour + kHour / 2;
  });
  ASSERT_NE(half, samples.end());
  EXPECT_NEAR(half->value, 1.5, 1e-6);
}

TEST(BuildCurve, ClipsToTheRangeAndSurvivesExtremes) {
  const Forecast forecast = Counting(kMidnight, 5 * kMinute, 288);
  const ActiveRule active = Active(5 * kMinute);
  const auto clipped = Median(active, forecast, {}, kMidnight + kHour, kMidnight + 2 * kHour);
  ASSERT_EQ(clipped.size(), 1U);
  EXPECT_EQ(clipped[0].samples.size(), 13U);
  EXPECT_EQ(Median(active, forecast, {}, INT64_MIN, INT64_MAX)[0].samples.size(), 288U);
  EXPECT_TRUE(Median(active, forecast, {}, INT64_MAX, INT64_MAX).empty());
  EXPECT_TRUE(Median(active, forecast, {}, INT64_MIN, INT64_MIN).empty());
  EXPECT_TRUE(Median(active, forecast, {}, kMidnight - kDay, kMidnight).empty());
}

TEST(BuildCurve, ThePastIsWhatHadBeenForecast) {
  std::vector<PastPoint> past;
  for (int i = 12; i >= 0; --i) {
    past.push_back({kMidnight - i * 5 * kMinute, {99, 100 + static_cast<float>(i), 101}});
  }
  const auto curve = Median(Active(5 * kMinute), Counting(kMidnight, 5 * kMinute, 12), past,
                            kMidnight - kHour, kMidnight + kHour);
  ASSERT_EQ(curve.size(), 1U);
  ASSERT_EQ(curve[0].samples.size(), 25U);
  EXPECT_EQ(curve[0].samples.front().value, 112);
  EXPECT_EQ(curve[0].samples[12].timestamp_ms, kMidnight);
  EXPECT_EQ(curve[0].samples[12].value, 100);
  EXPECT_EQ(curve[0].samples[13].value, 1);
}

TEST(BuildCurve, AGapInThePastEndsWithAStalenessMarker) {
  const std::vector<PastPoint> past = {{kMidnight - kHour, {1, 2, 3}}, {kMidnight, {4, 5, 6}}};
  const auto curve = Median(Active(5 * kMinute), Counting(kMidnight, 5 * kMinute, 3), past,
                            kMidnight - kHour, kMidnight + kHour);
  ASSERT_EQ(curve.size(), 1U);
  const auto& samples = curve[0].samples;
  ASSERT_EQ(samples.size(), 6U);  // the old point, the marker, the point at midnight, 3 targets
  EXPECT_EQ(samples[0].value, 2);
  EXPECT_TRUE(IsStaleMarker(samples[1].value));
  EXPECT_EQ(samples[1].timestamp_ms, kMidnight - kHour + 5 * kMinute);
  EXPECT_EQ(samples[2].value, 5);
}

TEST(BuildCurve, APeriodEndsWhereTheOtherBegins) {
  ActiveRule active = Active(5 * kMinute);
  active.rule.day = DayPeriod{8 * 60, 20 * 60};
  const auto curve =
      Median(active, Counting(kMidnight, 5 * kMinute, 288), {}, kMidnight, kMidnight + kDay);
  ASSERT_EQ(curve.size(), 2U);
  const auto& day = curve[0];
  const auto& night = curve[1];
  EXPECT_EQ(day.labels.Get("period"), "day");
  EXPECT_EQ(night.labels.Get("period"), "night");
  EXPECT_EQ(day.samples.front().timestamp_ms, kMidnight + 8 * kHour);
  EXPECT_TRUE(IsStaleMarker(day.samples.back().value));
  EXPECT_EQ(day.samples.back().timestamp_ms, kMidnight + 20 * kHour);
  // At every time exactly one of the two has a value: count them.
  size_t values = 0;
  for (const auto& series : curve) {
    values += std::count_if(series.samples.begin(), series.samples.end(),
                            [](const Sample& s) { return !IsStaleMarker(s.value); });
  }
  EXPECT_EQ(values, 288U);
}

TEST(BuildCurve, AppliesEveryMatcher) {
  const Forecast forecast = Counting(kMidnight, 5 * kMinute, 12);
  const ActiveRule active = Active(5 * kMinute);
  const auto count = [&](const std::string& selector) {
    return BuildCurve(active, kExternal, TimeZone(), Parse(selector), forecast, {}, kMidnight,
                      kMidnight + kHour)
        .size();
  };
  EXPECT_EQ(count("storage_used_bytes_forecast"), 3U);
  EXPECT_EQ(count("{forecast=\"curve\",quantile=~\"0.[59]\"}"), 2U);
  EXPECT_EQ(count("{forecast=\"curve\",user!=\"ann\"}"), 0U);
  EXPECT_EQ(count("{forecast=\"curve\",user!~\"b.*\"}"), 3U);
  EXPECT_EQ(count("{forecast=\"curve\",horizon=\"\"}"), 3U);
  EXPECT_EQ(count("{forecast=\"curve\",horizon=\"6h\"}"), 0U);
  EXPECT_EQ(count("{forecast=\"curve\",forecaster=\"other\"}"), 0U);
}

}  // namespace
}  // namespace auspex
