#include "sidecar/aggregate/over_time.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace auspex {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr auto kNone = std::nullopt;
const double kStale = StaleMarker();

// Seconds and values.
struct Point {
  int64_t seconds;
  double value;
};

struct Case {
  std::string what;
  OverTime function;
  std::vector<Point> points;
  int64_t t_seconds;
  int64_t step_seconds;
  std::optional<double> v2;
  std::optional<double> v3;
};

void ExpectValue(const std::optional<double>& actual, const std::optional<double>& expected) {
  ASSERT_EQ(actual.has_value(), expected.has_value());
  if (!expected) return;
  if (std::isnan(*expected)) {
    EXPECT_TRUE(std::isnan(*actual)) << *actual;
  } else {
    EXPECT_DOUBLE_EQ(*actual, *expected);
  }
}

void Check(const Case& c) {
  std::vector<Sample> samples;
  for (const Point& point : c.points) samples.push_back({point.seconds * kSecond, point.value});
  for (const PromqlDialect dialect : {PromqlDialect::kV2, PromqlDialect::kV3}) {
    SCOPED_TRACE(c.what + (dialect == PromqlDialect::kV2 ? ", 2.x" : ", 3.x"));
    ExpectValue(EvaluateOverTime(c.function, samples, c.t_seconds * kSecond,
                                 c.step_seconds * kSecond, dialect),
                dialect == PromqlDialect::kV2 ? c.v2 : c.v3);
  }
}

TEST(OverTimeTest, LastIsTheInstantValue) {
  const Case cases[] = {
      {"no samples", OverTime::kLast, {}, 600, 60, kNone, kNone},
      {"at the boundary", OverTime::kLast, {{600, 5}}, 600, 60, 5, 5},
      {"only later", OverTime::kLast, {{601, 5}}, 600, 60, kNone, kNone},
      {"newest wins", OverTime::kLast, {{400, 1}, {500, 2}, {700, 3}}, 600, 60, 2, 2},
      {"older than the step", OverTime::kLast, {{310, 5}}, 600, 60, 5, 5},
      {"exactly the lookback", OverTime::kLast, {{300, 5}}, 600, 60, 5, kNone},
      {"lookback, not step", OverTime::kLast, {{299, 5}}, 600, 1800, kNone, kNone},
      {"ended by a marker", OverTime::kLast, {{580, 5}, {590, kStale}}, 600, 60, kNone, kNone},
      {"back after it", OverTime::kLast, {{580, kStale}, {590, 6}}, 600, 60, 6, 6},
      {"NaN is a value", OverTime::kLast, {{590, kNan}}, 600, 60, kNan, kNan},
  };
  for (const Case& c : cases) Check(c);
}

TEST(OverTimeTest, RangesOfValues) {
  const std::vector<Point> edge = {{540, 10}, {570, 1}, {600, 4}};
  const std::vector<Point> nans = {{550, kNan}, {560, 2}, {570, kNan}, {580, 1}};
  const std::vector<Point> infinite = {{550, 1}, {560, kInf}, {570, 2}};
  const std::vector<Point> marked = {{550, 1}, {560, kStale}, {570, 3}};
  const Case cases[] = {
      {"sum at both edges", OverTime::kSum, edge, 600, 60, 15, 5},
      {"avg at both edges", OverTime::kAvg, edge, 600, 60, 5, 2.5},
      {"min at both edges", OverTime::kMin, edge, 600, 60, 1, 1},
      {"max at both edges", OverTime::kMax, edge, 600, 60, 10, 4},
      {"sum without samples", OverTime::kSum, {{530, 1}}, 600, 60, kNone, kNone},
      {"avg without samples", OverTime::kAvg, {{601, 1}}, 600, 60, kNone, kNone},
      {"min of nothing but markers", OverTime::kMin, {{590, kStale}}, 600, 60, kNone, kNone},
      {"sum drops markers", OverTime::kSum, marked, 600, 60, 4, 4},
      {"avg drops markers", OverTime::kAvg, marked, 600, 60, 2, 2},
      {"sum with NaN", OverTime::kSum, nans, 600, 60, kNan, kNan},
      {"avg with NaN", OverTime::kAvg, nans, 600, 60, kNan, kNan},
      {"min passes over NaN", OverTime::kMin, nans, 600, 60, 1, 1},
      {"max passes over NaN", OverTime::kMax, nans, 600, 60, 2, 2},
      {"max of NaN alone", OverTime::kMax, {{590, kNan}}, 600, 60, kNan, kNan},
      {"sum with infinity", OverTime::kSum, infinite, 600, 60, kInf, kInf},
      {"avg with infinity", OverTime::kAvg, infinite, 600, 60, kInf, kInf},
      {"sum of both infinities", OverTime::kSum, {{550, kInf}, {560, -kInf}}, 600, 60, kNan, kNan},
      {"avg of both infinities", OverTime::kAvg, {{550, kInf}, {560, -kInf}}, 600, 60, kNan, kNan},
      {"sum keeps small terms",
       OverTime::kSum,
       {{550, 1}, {560, 1e100}, {570, 1}, {580, -1e100}},
       600,
       60,
       2,
       2},
      {"avg does not overflow",
       OverTime::kAvg,
       {{550, 1e308}, {560, 1e308}},
       600,
       60,
       1e308,
       1e308},
  };
  for (const Case& c : cases) Check(c);
}

TEST(OverTimeTest, Counters) {
  const std::vector<Point> steady = {{545, 100}, {560, 115}, {575, 130}, {590, 145}};
  const Case cases[] = {
      {"one sample is no rise", OverTime::kIncrease, {{590, 5}}, 600, 60, kNone, kNone},
      {"one sample and a marker",
       OverTime::kRate,
       {{580, 5}, {590, kStale}},
       600,
       60,
       kNone,
       kNone},
      {"to both edges", OverTime::kIncrease, steady, 600, 60, 60, 60},
      {"rate is per second", OverTime::kRate, steady, 600, 60, 1, 1},
      {"the sample at the open edge",
       OverTime::kIncrease,
       {{540, 100}, {570, 130}, {600, 160}},
       600,
       60,
       60,
       60},
      {"only that sample more", OverTime::kIncrease, {{540, 1}, {590, 2}}, 600, 60, 1.2, kNone},
      {"resets are added back",
       OverTime::kIncrease,
       {{545, 100}, {560, 130}, {575, 10}, {590, 25}},
       600,
       60,
       (25.0 - 100 + 130) * 60 / 45,
       (25.0 - 100 + 130) * 60 / 45},
      {"half a distance beyond far edges",
       OverTime::kIncrease,
       {{560, 1000}, {570, 1010}, {580, 1020}},
       600,
       60,
       30,
       30},
      {"not before zero",
       OverTime::kIncrease,
       {{550, 5}, {570, 105}, {590, 205}},
       600,
       60,
       200.0 * (40 + 1 + 10) / 40,
       200.0 * (40 + 1 + 10) / 40},
      // The zero point lies 8 s back: more than half of the distance of 10 s, less than 11 s. The
      // edge is 20 s back.
      {"zero point before a far edge",
       OverTime::kIncrease,
       {{560, 8}, {570, 18}, {580, 28}},
       590,
       50,
       20.0 * (20 + 8 + 10) / 20,
       20.0 * (20 + 5 + 10) / 20},
      {"no rise", OverTime::kRate, {{550, 7}, {590, 7}}, 600, 60, 0, 0},
      {"NaN spreads", OverTime::kRate, {{550, 7}, {590, kNan}}, 600, 60, kNan, kNan},
  };
  for (const Case& c : cases) Check(c);
}

TEST(OverTimeTest, WindowIsLookbackForLastAndStepElse) {
  EXPECT_EQ(OverTimeWindow(OverTime::kLast, kMinute), kLookbackDelta);
  EXPECT_EQ(OverTimeWindow(OverTime::kLast, kHour), kLookbackDelta);
  EXPECT_EQ(OverTimeWindow(OverTime::kRate, kHour), kHour);
}

}  // namespace
}  // namespace auspex
