#include "sidecar/forecast/limit.h"

#include <gtest/gtest.h>

#include <cmath>

namespace auspex {
namespace {

constexpr TimestampMs kOrigin = 1'700'000'000'000 / kMinute * kMinute;

// Four hourly targets; the median climbs by 10 from 50, the outer quantiles are 20 away.
Forecast Climbing(double limit) {
  Forecast forecast;
  forecast.origin_ms = kOrigin;
  forecast.step_ms = kHour;
  forecast.quantile_levels = {0.1, 0.5, 0.9};
  forecast.last_value = 50;
  forecast.limit = limit;
  for (int k = 1; k <= 4; ++k) {
    const float median = 50 + 10.0F * static_cast<float>(k);
    forecast.values.insert(forecast.values.end(), {median - 20, median, median + 20});
  }
  return forecast;
}

TEST(SecondsToLimit, IsLinearBetweenTargets) {
  // The median is 70 after 2 h and 80 after 3 h.
  EXPECT_NEAR(SecondsToLimit(Climbing(75), 1, kOrigin), 2.5 * 3600, 1e-6);
  // Ten minutes later it is ten minutes nearer.
  EXPECT_NEAR(SecondsToLimit(Climbing(75), 1, kOrigin + 10 * kMinute), 2.5 * 3600 - 600, 1e-6);
  // The upper quantile goes from 50 at the origin to 80 after one hour.
  EXPECT_NEAR(SecondsToLimit(Climbing(65), 2, kOrigin), 0.5 * 3600, 1e-6);
}

TEST(SecondsToLimit, EdgeCases) {
  EXPECT_EQ(SecondsToLimit(Climbing(50), 1, kOrigin), 0);  // at the limit already
  EXPECT_EQ(SecondsToLimit(Climbing(40), 1, kOrigin), 0);  // beyond it
  EXPECT_EQ(SecondsToLimit(Climbing(95), 1, kOrigin), INFINITY);
  EXPECT_TRUE(std::isnan(SecondsToLimit(Climbing(NAN), 1, kOrigin)));
  // A time that has passed since the issue is never negative.
  EXPECT_EQ(SecondsToLimit(Climbing(55), 1, kOrigin + 2 * kHour), 0);
}

TEST(BreachProbability, FollowsTheQuantiles) {
  // After 4 h the median is 90: one half.
  EXPECT_NEAR(BreachProbability(Climbing(90), 4 * kHour, kOrigin), 0.5, 1e-6);
  // The upper quantile after 4 h is 110: one tenth.
  EXPECT_NEAR(BreachProbability(Climbing(110), 4 * kHour, kOrigin), 0.1, 1e-6);
  // After 2 h the same limit is 20 above the upper quantile: the tail ends before it.
  EXPECT_EQ(BreachProbability(Climbing(110), 2 * kHour, kOrigin), 0);
  EXPECT_EQ(BreachProbability(Climbing(50), kHour, kOrigin), 1);
  EXPECT_TRUE(std::isnan(BreachProbability(Climbing(NAN), kHour, kOrigin)));
}

TEST(BreachProbability, NeverFallsWithTheLead) {
  double previous = 0;
  for (int hours = 1; hours <= 4; ++hours) {
    const double probability = BreachProbability(Climbing(88), hours * kHour, kOrigin);
    EXPECT_GE(probability, previous);
    EXPECT_LE(probability, 1);
    previous = probability;
  }
  EXPECT_GT(previous, 0);
}

TEST(BreachProbability, AFlatCurveWithoutSpreadIsAStep) {
  Forecast flat = Climbing(60);
  for (float& value : flat.values) value = 55;
  EXPECT_EQ(BreachProbability(flat, 4 * kHour, kOrigin), 0);
  for (float& value : flat.values) value = 60;
  EXPECT_EQ(BreachProbability(flat, 4 * kHour, kOrigin), 1);
}

}  // namespace
}  // namespace auspex
