#include "sidecar/upstream/history_writer.h"

#include <vector>

namespace auspex {

HistoryWriter::HistoryWriter(History& history, RuleId rule, size_t aggregates_max)
    : history_(history), rule_(rule), aggregates_max_(aggregates_max) {
  for (auto& [id, labels] : history.Aggregates(rule)) admitted_.insert(std::move(labels));
}

bool HistoryWriter::Admit(const LabelSet& aggregate) {
  if (admitted_.contains(aggregate)) return true;
  if (admitted_.size() >= aggregates_max_) return false;
  admitted_.insert(aggregate);
  return true;
}

absl::Status HistoryWriter::Write(StepRange range, const FoldedRange& folded) {
  std::vector<AggregateId> ids;
  ids.reserve(folded.aggregates.size());
  for (const LabelSet& aggregate : folded.aggregates) {
    const absl::StatusOr<AggregateId> id = history_.Intern(rule_, aggregate);
    if (!id.ok()) return id.status();
    ids.push_back(*id);
  }
  if (range.first_ms != range.last_ms) {
    return history_.AppendRange(rule_, range, ids, folded.values);
  }
  std::vector<AggregateValue> values;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (!IsMissing(folded.values[i])) values.push_back({ids[i], folded.values[i]});
  }
  return history_.AppendStep(rule_, range.first_ms, values);
}

}  // namespace auspex
