#include "sidecar/history/rule_history.h"

#include <algorithm>

#include "sidecar/core/duration.h"

namespace auspex {

TimestampMs RuleHistory::BlockStart(TimestampMs t_ms) const { return StepFloor(t_ms, block_ms); }

AggregateHistory& RuleHistory::Add(AggregateId aggregate, const LabelSet& labels) {
  AggregateHistory& added =
      aggregates.try_emplace(aggregate, labels, rule.context_steps, rule.step_ms, open.Join())
          .first->second;
  by_labels.emplace(&added.labels, aggregate);
  return added;
}

void RuleHistory::Remove(AggregateId aggregate) {
  const auto it = aggregates.find(aggregate);
  open.Leave(it->second.place);
  by_labels.erase(it->second.labels);
  aggregates.erase(it);
}

void RuleHistory::Set(AggregateHistory& aggregate, TimestampMs t_ms, double value) {
  aggregate.context.Set(t_ms, value);
  if (!IsMissing(value)) aggregate.last_value_ms = std::max(aggregate.last_value_ms, t_ms);
  if (t_ms < sealed_ms) return;
  open.Set(static_cast<size_t>((t_ms - sealed_ms) / rule.step_ms), aggregate.place, value);
}

double RuleHistory::OpenValue(const AggregateHistory& aggregate, TimestampMs t_ms) const {
  if (t_ms < sealed_ms) return Missing();
  return open.Get(static_cast<size_t>((t_ms - sealed_ms) / rule.step_ms), aggregate.place);
}

}  // namespace auspex
