#include "sidecar/history/rule_history.h"

#include <algorithm>
#include <utility>

#include "sidecar/core/duration.h"

namespace auspex {

TimestampMs RuleHistory::BlockStart(TimestampMs t_ms) const { return StepFloor(t_ms, block_ms); }

AggregateHistory& RuleHistory::Add(AggregateId aggregate, const LabelSet& labels) {
  AggregateHistory& added =
      aggregates.try_emplace(aggregate, labels, rule.context_steps, rule.step_ms).first->second;
  by_labels.emplace(&added.labels, aggregate);
  return added;
}

void RuleHistory::Set(AggregateHistory& aggregate, TimestampMs t_ms, double value) const {
  aggregate.context.Set(t_ms, value);
  if (!IsMissing(value)) aggregate.last_value_ms = std::max(aggregate.last_value_ms, t_ms);
  if (t_ms < sealed_ms) return;
  const auto index = static_cast<size_t>((t_ms - sealed_ms) / rule.step_ms);
  if (index >= aggregate.tail.size()) {
    if (IsMissing(value)) return;  // beyond the tail everything is missing
    aggregate.tail.resize(index + 1, Missing());
  }
  aggregate.tail[index] = value;
}

double RuleHistory::TailValue(const AggregateHistory& aggregate, TimestampMs t_ms) const {
  if (t_ms < sealed_ms) return Missing();
  const auto index = static_cast<size_t>((t_ms - sealed_ms) / rule.step_ms);
  return index < aggregate.tail.size() ? aggregate.tail[index] : Missing();
}

}  // namespace auspex
