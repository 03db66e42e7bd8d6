#include "sidecar/trainer/training_history.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "sidecar/history/aggregates_by_labels.h"

namespace auspex {
namespace {

// The covariates of each aggregate of a rule, joined when the first is read.
class CovariateReader {
 public:
  CovariateReader(const History& history, const ActiveRule& active)
      : history_(history), active_(active) {}

  // Appends the steps of `range`, one covariate after the other; missing ones where a covariate
  // has nothing of the aggregate's labels.
  absl::Status Append(AggregateId aggregate, const StepRange& range, size_t steps,
                      std::vector<float>* out) {
    if (active_.covariate_ids.empty()) return absl::OkStatus();
    if (joined_.empty()) Join();
    for (const AggregatesByLabels& covariate : joined_) {
      const auto id = covariate.Find(labels_[aggregate]);
      if (!id) {
        out->insert(out->end(), steps, std::numeric_limits<float>::quiet_NaN());
        continue;
      }
      const auto values = history_.Read(*id, range);
      if (!values.ok()) return values.status();
      out->insert(out->end(), values->begin(), values->end());
    }
    return absl::OkStatus();
  }

 private:
  void Join() {
    for (auto& [aggregate, labels] : history_.Aggregates(active_.values_id)) {
      labels_[aggregate] = labels;
    }
    joined_ = CovariatesByLabels(history_, active_);
  }

  const History& history_;
  const ActiveRule active_;
  absl::flat_hash_map<AggregateId, LabelSet> labels_;
  std::vector<AggregatesByLabels> joined_;
};

}  // namespace

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
  const auto covariates = std::make_shared<CovariateReader>(history, active);
  result.read = [&history, covariates,
                 range](AggregateId aggregate) -> absl::StatusOr<TrainingSeries> {
    const auto values = history.Read(aggregate, range);
    if (!values.ok()) return values.status();
    TrainingSeries series{.first_ms = range.first_ms, .values = {values->begin(), values->end()}};
    absl::Status status =
        covariates->Append(aggregate, range, series.values.size(), &series.covariates);
    if (!status.ok()) return status;
    return series;
  };
  return result;
}

}  // namespace auspex
