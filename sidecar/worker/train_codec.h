// Between the messages of trainer.proto and the values that model/train works with.
#pragma once

#include "absl/status/statusor.h"
#include "model/train/train.h"
#include "proto/auspex/v1/trainer.pb.h"

namespace auspex {

// InvalidArgument names the field that does not fit, also one that the job does not hold
// (cpu_share). The series are still to come.
absl::StatusOr<model::TrainJob> JobFromHeader(const v1::TrainHeader& header);
// Evidence of candidates that this trainer does not know is left out.
model::TrainSeries SeriesFromMessage(const v1::TrainSeries& message);

v1::TrainEvent ProgressEvent(const model::TrainProgress& progress);
v1::TrainEvent SummaryEvent(const model::TrainResult& result, double seconds);
v1::TrainEvent AggregateEvent(const model::TrainedSeries& series);

}  // namespace auspex
