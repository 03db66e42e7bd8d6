// Durations as Prometheus writes them ("5m", "1d12h"), and the fixed grid of steps.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "sidecar/core/sample.h"

namespace auspex {

// Units y w d h m s ms, largest first, each at most once: Prometheus' model.ParseDuration.
absl::StatusOr<DurationMs> ParseDuration(std::string_view text);
// The shortest exact form: 5400000 -> "1h30m".
std::string FormatDuration(DurationMs duration_ms);

// Step boundaries are the multiples of the step since the epoch. REQUIRES: step_ms > 0.
// The last boundary at or before `t`.
TimestampMs StepFloor(TimestampMs t, DurationMs step_ms);
// The first boundary at or after `t`.
TimestampMs StepCeil(TimestampMs t, DurationMs step_ms);

}  // namespace auspex
