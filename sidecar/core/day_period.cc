#include "sidecar/core/day_period.h"

#include <algorithm>

#include "sidecar/core/duration.h"

namespace auspex {
namespace {

// Milliseconds since local midnight, under a fixed offset from UTC.
DurationMs LocalTimeOfDay(TimestampMs t, int offset_minutes) {
  const TimestampMs local = t + offset_minutes * kMinute;
  return local - StepFloor(local, kDay);
}

// From `time_of_day` to the next `minute` after midnight; a full day when it is just now.
DurationMs Until(DurationMs time_of_day, int minute) {
  const DurationMs ahead = minute * kMinute - time_of_day;
  return ahead > 0 ? ahead : ahead + kDay;
}

}  // namespace

bool IsDay(const DayPeriod& period, const TimeZone& zone, TimestampMs t) {
  const DurationMs now = LocalTimeOfDay(t, zone.UtcOffsetMinutes(t));
  const bool after_from = now >= period.from_minute * kMinute;
  const bool before_to = now < period.to_minute * kMinute;
  return period.from_minute < period.to_minute ? after_from && before_to : after_from || before_to;
}

std::string_view PeriodName(const DayPeriod& period, const TimeZone& zone, TimestampMs t) {
  return IsDay(period, zone, t) ? "day" : "night";
}

TimestampMs NextPeriodBoundary(const DayPeriod& period, const TimeZone& zone, TimestampMs t) {
  // Between changes of the zone's offset the boundary is plain arithmetic; at a change the local
  // clock jumps, perhaps over a boundary.
  for (;;) {
    const DurationMs now = LocalTimeOfDay(t, zone.UtcOffsetMinutes(t));
    const TimestampMs boundary =
        t + std::min(Until(now, period.from_minute), Until(now, period.to_minute));
    const std::optional<TimestampMs> jump = zone.NextTransition(t);
    if (!jump.has_value() || *jump > boundary) return boundary;
    if (IsDay(period, zone, *jump) != IsDay(period, zone, *jump - 1)) return *jump;
    t = *jump;
  }
}

}  // namespace auspex
