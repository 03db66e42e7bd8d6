// One forecast without a daemon: the history of a query into a store that is thrown away, models
// trained on it, a forecast by them. The parts are the daemon's own, so that the answer is too.
#pragma once

#include <atomic>
#include <string>

#include "absl/status/statusor.h"
#include "proto/auspex/v1/auspex.pb.h"
#include "sidecar/app/progress_line.h"
#include "sidecar/app/scratch_history.h"

namespace auspex {

struct PredictOptions : QueryOptions {
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
