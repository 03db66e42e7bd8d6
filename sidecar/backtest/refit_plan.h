// When a backtest trains, and which forecasts each model answers. Pure.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sidecar/core/sample.h"

namespace auspex {

// One series of a backtest, on the grid of the spec's step.
struct BacktestSeries {
  TimestampMs first_ms = 0;
  std::vector<float> values;  // values[i] is at first_ms + i * step; NaN = missing
  // Ascending, on the grid; may lie before or after the values.
  std::vector<TimestampMs> origins_ms;
  // Forecast as well, but no reason to train. Those that are among origins_ms are left out.
  std::vector<TimestampMs> extra_origins_ms;
  // [covariates of the spec][values.size()], of the same steps; NaN = missing.
  std::vector<float> covariates = {};
};

// Origins are counted as different times over all series.
struct RefitPolicy {
  enum class Kind {
    kFirst,     // each series is served by one model, from its first origin on
    kOrigins,   // at every `origins`-th origin
    kDuration,  // as the daemon with retrain.every: `every_ms`, at the first origin when it is due
  };
  Kind kind = Kind::kDuration;
  int origins = 1;
  DurationMs every_ms = kDay;
};

// "first", "every-N" or "every-DURATION" (every-3, every-24h). InvalidArgument says so.
absl::StatusOr<RefitPolicy> ParseRefitPolicy(std::string_view text);

struct PlannedForecast {
  size_t series = 0;  // index
  TimestampMs origin_ms = 0;
  bool extra = false;
};

// A model and the forecasts that it answers.
struct Refit {
  bool trains = false;     // false: there was too little history at these origins
  TimestampMs fit_ms = 0;  // newest time that training may see; 0 when it does not train
  std::vector<PlannedForecast> forecasts;  // by series, then origin
};

// Every origin at which its series has a value already, answered by the newest model that was
// trained at or before it. Refits ascend by fit_ms; none is without forecasts. No training happens
// while the longest history is shorter than the daemon asks of one.
std::vector<Refit> PlanRefits(const std::vector<BacktestSeries>& series, const RefitPolicy& policy,
                              DurationMs step_ms, DurationMs horizon_ms);

}  // namespace auspex
