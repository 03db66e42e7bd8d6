// When a forecast reaches a limit: time to limit and probability of a breach.
#pragma once

#include "sidecar/core/forecast.h"

namespace auspex {

// Seconds from `now_ms` until quantile `q` (an index) of the forecast first reaches its limit,
// linear between targets. 0 when the last observed value is at the limit already, +Inf when the
// quantile stays below over the whole horizon, NaN when the limit is unknown.
double SecondsToLimit(const Forecast& forecast, size_t q, TimestampMs now_ms);

// Probability that the limit is reached at some time up to `now_ms + lead_ms`, from the quantiles:
// the largest probability at any single target time, which is a lower bound for the whole path.
// Between quantile levels the distribution is linear; beyond the outermost levels it goes on with
// the slope of the outermost segment. 1 when the limit is reached already, NaN when it is unknown.
double BreachProbability(const Forecast& forecast, DurationMs lead_ms, TimestampMs now_ms);

}  // namespace auspex
