// One forecast without a daemon: the history of a query into a store that is thrown away, models
// trained on it, a forecast by them. The parts are the daemon's own, so that the answer is too.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/auspex/v1/auspex.pb.h"
#include "sidecar/app/progress_line.h"
#include "sidecar/core/sample.h"

namespace auspex {

struct PredictOptions {
  std::string url;  // of the Prometheus that answers the query
  std::string query;
  DurationMs step_ms = 5 * kMinute;
  DurationMs horizon_ms = kDay;
  DurationMs range_ms = 14 * kDay;  // of history
  std::vector<double> quantiles = {0.1, 0.5, 0.9};
  std::optional<double> limit;
  bool train = true;
  std::string trainer_binary;
};

struct Prediction {
  v1::ListAggregatesResponse series;  // leads and time to the limit; soonest to reach it first
  v1::GetForecastResponse curves;
  std::string note;  // why no trained model answers; empty when one does
};

// Takes minutes when it trains. A training that is not possible or fails leaves the untrained
// forecast and a note. `progress` is called on this thread. Errors: InvalidArgument for options
// that no rule could have, and for a query that Prometheus refuses, with its message; NotFound when
// the query has no data; FailedPrecondition when there is too little, or it ended; Cancelled soon
// after `stopping`.
absl::StatusOr<Prediction> Predict(const PredictOptions& options, const StageProgress& progress,
                                   const std::atomic<bool>& stopping);

}  // namespace auspex
