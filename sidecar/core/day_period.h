// Day and night of a rule: the output label `period`.
#pragma once

#include <string_view>

#include "sidecar/core/sample.h"
#include "sidecar/core/time_zone.h"

namespace auspex {

// Daytime as minutes after local midnight, from inclusive, to exclusive; may wrap over midnight
// (from > to).
struct DayPeriod {
  int from_minute = 8 * 60;
  int to_minute = 20 * 60;
  bool operator==(const DayPeriod&) const = default;
};

bool IsDay(const DayPeriod& period, const TimeZone& zone, TimestampMs t);
// "day" or "night".
std::string_view PeriodName(const DayPeriod& period, const TimeZone& zone, TimestampMs t);
// The first instant after `t` whose period is another one than that just before it.
// REQUIRES: period.from_minute != period.to_minute, both 0..1439.
TimestampMs NextPeriodBoundary(const DayPeriod& period, const TimeZone& zone, TimestampMs t);

}  // namespace auspex
