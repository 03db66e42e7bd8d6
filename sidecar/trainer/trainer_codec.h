// Between the messages of trainer.proto and the daemon's values. What a trainer answers is checked
// as if it came from a stranger.
#pragma once

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/auspex/v1/trainer.pb.h"
#include "sidecar/trainer/trainer.h"

namespace auspex {

v1::TrainRequest HeaderRequest(const TrainingJob& job);
v1::TrainRequest SeriesRequest(const TrainingJob& job, AggregateId aggregate,
                               const TrainingSeries& series);

TrainingProgress ProgressFromMessage(const v1::TrainProgress& message);

// Puts the answer of one job together. Not thread-safe.
class TrainedModelsBuilder {
 public:
  // `job` must outlive the builder.
  explicit TrainedModelsBuilder(const TrainingJob& job);

  // DataLoss when the message does not fit the job, or came at the wrong time.
  absl::Status AddSummary(const v1::TrainSummary& message);
  absl::Status AddAggregate(const v1::AggregateModel& message);
  // DataLoss when the answer is not complete.
  absl::StatusOr<TrainedModels> Finish() &&;

 private:
  const TrainingJob& job_;
  TrainedModels models_;
  bool has_summary_ = false;
  absl::flat_hash_set<AggregateId> missing_;  // aggregates that were not answered yet
};

}  // namespace auspex
