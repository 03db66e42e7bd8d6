#include "sidecar/trainer/training_history.h"

#include <algorithm>

namespace auspex {

TrainingHistory HistoryToTrainOn(const History& history, const ActiveRule& active) {
  TrainingHistory result;
  const DurationMs step_ms = active.rule.values.step_ms;
  const TimestampMs last_ms = history.LastStep(active.values_id);
  if (last_ms == 0) return result;
  const int64_t steps =
      std::clamp<int64_t>(active.rule.retention_ms / step_ms, 1, kTrainingStepsMax);
  const StepRange range{last_ms - (steps - 1) * step_ms, last_ms};

  result.length_ms = steps * step_ms;
  for (const StepRange& gap : history.Gaps(active.values_id, range)) {
    result.length_ms -= gap.last_ms - gap.first_ms + step_ms;
  }
  result.aggregates = [&history, rule = active.values_id] {
    std::vector<AggregateId> aggregates;
    for (const auto& [aggregate, labels] : history.Aggregates(rule)) {
      aggregates.push_back(aggregate);
    }
    return aggregates;
  };
  result.read = [&history, range](AggregateId aggregate) -> absl::StatusOr<TrainingSeries> {
    const auto values = history.Read(aggregate, range);
    if (!values.ok()) return values.status();
    return TrainingSeries{.first_ms = range.first_ms,
                          .values = std::vector<float>(values->begin(), values->end())};
  };
  return result;
}

}  // namespace auspex
