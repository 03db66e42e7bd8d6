// One rule's part of the history in memory: its aggregates, their contexts and unsealed steps.
#pragma once

#include <cstddef>
#include <map>
#include <utility>

#include "sidecar/core/forecast.h"
#include "sidecar/core/label_index.h"
#include "sidecar/core/label_set.h"
#include "sidecar/history/closed_ranges.h"
#include "sidecar/history/context_ring.h"
#include "sidecar/history/history.h"
#include "sidecar/history/open_steps.h"

namespace auspex {

struct AggregateHistory {
  AggregateHistory(LabelSet l, size_t context_steps, DurationMs step_ms, size_t open_place)
      : labels(std::move(l)), context(context_steps, step_ms), place(open_place) {}

  LabelSet labels;
  ContextRing context;
  size_t place;                   // in RuleHistory::open
  TimestampMs last_value_ms = 0;  // newest step with a value, 0 when none is known
};

// Not thread-safe: History's lock guards it.
struct RuleHistory {
  RuleHistory(RuleId rule_id, HistoryRule history_rule, size_t block_steps)
      : id(rule_id),
        rule(std::move(history_rule)),
        block_ms(static_cast<DurationMs>(block_steps) * rule.step_ms),
        closed(rule.step_ms) {}

  RuleId id;
  HistoryRule rule;
  DurationMs block_ms;        // span of one block
  TimestampMs sealed_ms = 0;  // blocks before it are written; a block boundary, 0 before any step
  ClosedRanges closed;
  OpenSteps open;  // from sealed_ms on
  std::map<AggregateId, AggregateHistory> aggregates;
  LabelIndex<AggregateId> by_labels;  // keys: the labels in `aggregates`

  TimestampMs BlockStart(TimestampMs t_ms) const;
  size_t BlockSteps() const { return static_cast<size_t>(block_ms / rule.step_ms); }

  // Adds an aggregate; it is not there yet.
  AggregateHistory& Add(AggregateId aggregate, const LabelSet& labels);
  // REQUIRES: it is there, and has no value that is not sealed.
  void Remove(AggregateId aggregate);
  // Sets one step in memory: always in the context, in `open` if the step is not sealed.
  void Set(AggregateHistory& aggregate, TimestampMs t_ms, double value);
  // The unsealed value of a step; missing when there is none.
  double OpenValue(const AggregateHistory& aggregate, TimestampMs t_ms) const;
};

}  // namespace auspex
