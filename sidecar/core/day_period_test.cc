#include "sidecar/core/day_period.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/time/time.h"

namespace auspex {
namespace {

constexpr DayPeriod kDayShift = {.from_minute = 8 * 60, .to_minute = 20 * 60};
constexpr DayPeriod kNightShift = {.from_minute = 22 * 60, .to_minute = 6 * 60};

TimestampMs At(const char* rfc3339) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, rfc3339, &time, &error)) << error;
  return absl::ToUnixMillis(time);
}

TimeZone Zone(const char* name) {
  auto zone = TimeZone::Load(name);
  EXPECT_TRUE(zone.ok()) << zone.status();
  return zone.ok() ? *zone : TimeZone();
}

TEST(TimeZoneTest, Offsets) {
  EXPECT_EQ(TimeZone().UtcOffsetMinutes(At("2026-01-01T00:00:00Z")), 0);
  EXPECT_EQ(Zone("Asia/Shanghai").UtcOffsetMinutes(At("2026-01-01T00:00:00Z")), 480);
  EXPECT_EQ(Zone("Asia/Kolkata").UtcOffsetMinutes(At("2026-01-01T00:00:00Z")), 330);
  EXPECT_EQ(Zone("America/New_York").UtcOffsetMinutes(At("2026-01-01T00:00:00Z")), -300);
  EXPECT_EQ(Zone("America/New_York").UtcOffsetMinutes(At("2026-07-01T00:00:00Z")), -240);
}

TEST(TimeZoneTest, UnknownNamesAreRefused) {
  for (const char* name : {"", "localtime", "Mars/Olympus"}) {
    const auto zone = TimeZone::Load(name);
    ASSERT_FALSE(zone.ok()) << name;
    EXPECT_THAT(std::string(zone.status().message()),
                ::testing::HasSubstr('"' + std::string(name) + '"'));
  }
}

TEST(TimeZoneTest, Transitions) {
  EXPECT_EQ(TimeZone().NextTransition(0), std::nullopt);
  EXPECT_EQ(Zone("Europe/Berlin").NextTransition(At("2026-01-01T00:00:00Z")),
            At("2026-03-29T01:00:00Z"));
  EXPECT_EQ(Zone("Europe/Berlin").NextTransition(At("2026-03-29T01:00:00Z")),
            At("2026-10-25T01:00:00Z"));
}

TEST(DayPeriodTest, FromInclusiveToExclusive) {
  const TimeZone zone = Zone("Asia/Shanghai");
  EXPECT_EQ(PeriodName(kDayShift, zone, At("2026-05-01T07:59:59.999+08:00")), "night");
  EXPECT_EQ(PeriodName(kDayShift, zone, At("2026-05-01T08:00:00+08:00")), "day");
  EXPECT_EQ(PeriodName(kDayShift, zone, At("2026-05-01T19:59:59.999+08:00")), "day");
  EXPECT_EQ(PeriodName(kDayShift, zone, At("2026-05-01T20:00:00+08:00")), "night");
}

TEST(DayPeriodTest, WrapsOverMidnight) {
  EXPECT_TRUE(IsDay(kNightShift, TimeZone(), At("2026-05-01T23:00:00Z")));
  EXPECT_TRUE(IsDay(kNightShift, TimeZone(), At("2026-05-01T05:59:59Z")));
  EXPECT_FALSE(IsDay(kNightShift, TimeZone(), At("2026-05-01T06:00:00Z")));
  EXPECT_FALSE(IsDay(kNightShift, TimeZone(), At("2026-05-01T21:59:59Z")));
}

TEST(DayPeriodTest, NextBoundary) {
  const TimeZone shanghai = Zone("Asia/Shanghai");
  EXPECT_EQ(NextPeriodBoundary(kDayShift, shanghai, At("2026-05-01T07:00:00+08:00")),
            At("2026-05-01T08:00:00+08:00"));
  EXPECT_EQ(NextPeriodBoundary(kDayShift, shanghai, At("2026-05-01T08:00:00+08:00")),
            At("2026-05-01T20:00:00+08:00"));
  EXPECT_EQ(NextPeriodBoundary(kDayShift, shanghai, At("2026-05-01T20:00:00+08:00")),
            At("2026-05-02T08:00:00+08:00"));
  EXPECT_EQ(NextPeriodBoundary(kNightShift, TimeZone(), At("2026-05-01T23:30:00Z")),
            At("2026-05-02T06:00:00Z"));
}

// Europe/Berlin in 2026: 02:00 -> 03:00 on 29 March, 03:00 -> 02:00 on 25 October.
TEST(DayPeriodTest, NextBoundaryWhereTheClockJumps) {
  const TimeZone berlin = Zone("Europe/Berlin");
  const DayPeriod half_past_two = {.from_minute = 150, .to_minute = 20 * 60};
  // 02:30 does not exist: day starts with the jump.
  EXPECT_EQ(NextPeriodBoundary(half_past_two, berlin, At("2026-03-29T00:30:00Z")),
            At("2026-03-29T01:00:00Z"));
  // 02:30 comes twice: day, back to night with the jump, day again.
  const TimestampMs first = At("2026-10-25T00:30:00Z");
  EXPECT_EQ(NextPeriodBoundary(half_past_two, berlin, first - 1), first);
  EXPECT_EQ(NextPeriodBoundary(half_past_two, berlin, first), At("2026-10-25T01:00:00Z"));
  EXPECT_EQ(NextPeriodBoundary(half_past_two, berlin, At("2026-10-25T01:00:00Z")),
            At("2026-10-25T01:30:00Z"));
  // A jump elsewhere only moves the boundary.
  EXPECT_EQ(NextPeriodBoundary(kDayShift, berlin, At("2026-03-28T20:00:00Z")),
            At("2026-03-29T06:00:00Z"));
}

TEST(DayPeriodTest, BoundariesAgreeWithIsDayMinuteByMinute) {
  const TimeZone zone = Zone("America/New_York");
  for (const char* start : {"2026-03-07T00:00:00Z", "2026-10-31T00:00:00Z"}) {
    TimestampMs boundary = NextPeriodBoundary(kNightShift, zone, At(start));
    for (TimestampMs t = At(start) + kMinute; t < At(start) + 4 * kDay; t += kMinute) {
      const bool flips = IsDay(kNightShift, zone, t) != IsDay(kNightShift, zone, t - kMinute);
      ASSERT_EQ(flips, t == boundary) << t;
      if (flips) boundary = NextPeriodBoundary(kNightShift, zone, t);
    }
  }
}

}  // namespace
}  // namespace auspex
