// The over_time functions: one series' samples become one value at a step boundary.
//
// A new function is one line in the table of over_time.cc, one enumerator and name in
// sidecar/core/aggregation_rule.h, and rows in over_time_test.cc; the PromQL equivalence test then
// compares it with a real Prometheus without further change.
#pragma once

#include <optional>
#include <span>

#include "sidecar/core/aggregation_rule.h"
#include "sidecar/core/sample.h"

namespace auspex {

// How far before a boundary samples still decide the value there: PromQL's lookback for kLast, the
// step (which is the range of the range selector) for all others.
DurationMs OverTimeWindow(OverTime function, DurationMs step_ms);

// The samples inside the window that ends at `t_ms`, staleness markers included: [t-window, t] in
// kV2, (t-window, t] in kV3. `samples` is sorted by time, without duplicates.
std::span<const Sample> SamplesInWindow(std::span<const Sample> samples, TimestampMs t_ms,
                                        DurationMs window_ms, PromqlDialect dialect);

// What PromQL answers for the series at boundary `t_ms`: kLast is the instant value, which a
// staleness marker ends; the others run over the range [t - step, t] (kV2) or (t - step, t] (kV3)
// without its staleness markers. nullopt: the series has no value there, which is not the same as
// an answer of NaN. `samples` is sorted by time, without duplicates, and may reach beyond the
// window on both sides.
std::optional<double> EvaluateOverTime(OverTime function, std::span<const Sample> samples,
                                       TimestampMs t_ms, DurationMs step_ms, PromqlDialect dialect);

}  // namespace auspex
