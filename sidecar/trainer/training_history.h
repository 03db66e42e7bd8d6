// What history holds that a rule can be trained on.
#pragma once

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "sidecar/core/active_rule.h"
#include "sidecar/history/history.h"
#include "sidecar/trainer/trainer.h"

namespace auspex {

struct TrainingHistory {
  DurationMs length_ms = 0;  // closed steps inside the rule's retention
  std::function<std::vector<AggregateId>()> aggregates;
  std::function<absl::StatusOr<TrainingSeries>(AggregateId)> read;
};

// Steps of one series that a job takes at most, the newest: bounds the memory of the trainer for
// rules with short steps. A month of minutes, and half as much again.
inline constexpr int64_t kTrainingStepsMax = 65'536;

// Cheap: nothing is read before it is asked for. Covariates are those of equal labels. `history`
// must outlive what is returned.
TrainingHistory HistoryToTrainOn(const History& history, const ActiveRule& active);

}  // namespace auspex
