// The curve series of an aggregate: the whole forecast at its true target times, and, in the past,
// what had been forecast for that time.
#pragma once

#include <vector>

#include "sidecar/core/active_rule.h"
#include "sidecar/core/forecast.h"
#include "sidecar/wire/read_codec.h"

namespace auspex {

// Points are at most this far apart, whatever the rule's step, because PromQL looks back no
// further (5 minutes).
inline constexpr DurationMs kCurveSpacing = kLookbackDelta;

// What was forecast at a fixed lead, by target time: a value for each quantile level of the present
// forecast, missing where that level was not forecast then.
struct PastPoint {
  TimestampMs target_ms = 0;
  std::vector<float> values;
};

// The curve series of one aggregate inside [first_ms, last_ms], one per quantile level and, when
// the rule has day and night, per period: labels are *_forecast{forecast="curve",quantile[,period]}
// with the aggregate's and the external labels. `past` ascends and ends at or before the
// forecast's origin. A staleness marker ends a period, and a gap that is longer than two intervals.
// Series that `selector` does not match, or without samples in the range, are left out.
std::vector<ReadSeries> BuildCurve(const ActiveRule& active, const LabelSet& external_labels,
                                   const TimeZone& timezone, const Selector& selector,
                                   const Forecast& forecast, const std::vector<PastPoint>& past,
                                   TimestampMs first_ms, TimestampMs last_ms);

}  // namespace auspex
