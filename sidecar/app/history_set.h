// The history of a rule as the series and the origins of a backtest.
#pragma once

#include "absl/status/statusor.h"
#include "model/spec/model_spec.h"
#include "sidecar/app/scratch_history.h"
#include "sidecar/backtest/backtest_set.h"
#include "sidecar/core/time_zone.h"

namespace auspex {

// Every aggregate that was read, to be forecast from `origins` (at least 1) times evenly spread
// over the last third of the history, the last of them a horizon before its end.
// FailedPrecondition when that third is shorter than a horizon.
absl::StatusOr<BacktestSet> SetFromHistory(const ScratchHistory& history, int origins);

// The spec of the rule, for exactly its horizon.
model::ModelSpec BacktestSpec(const Rule& rule, const TimeZone& timezone, TimestampMs now_ms);

}  // namespace auspex
