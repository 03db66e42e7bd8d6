// Back-fill: whole series over a long range of time become aggregates at every step boundary of it.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "sidecar/aggregate/group_accumulator.h"
#include "sidecar/core/aggregation_rule.h"
#include "sidecar/core/label_set.h"
#include "sidecar/core/sample.h"

namespace auspex {

// The aggregates of a rule at the boundaries first_ms, first_ms + step, ...
struct FoldedRange {
  std::vector<LabelSet> aggregates;  // those with a value at some step
  size_t steps = 0;
  std::vector<double> values;  // [aggregates.size()][steps]; NaN where missing
};

// Folds the series of one rule, one at a time, with the same functions as the live path, so that
// both give the same values. Holds 24 bytes per aggregate and step: the caller bounds the range
// (a day of 1-minute steps and 1,000 aggregates are 35 MB). Not thread-safe.
class RangeFolder {
 public:
  // Boundaries first_ms ... last_ms, inclusive. REQUIRES: both are multiples of the rule's step,
  // first_ms <= last_ms.
  RangeFolder(AggregationRule rule, PromqlDialect dialect, TimestampMs first_ms,
              TimestampMs last_ms);

  // The samples that decide the range lie in [samples_from_ms(), last_ms].
  TimestampMs samples_from_ms() const;

  // Adds one whole series that the rule's selector matches. `samples` is sorted by time without
  // duplicates, staleness markers included; samples outside the range are ignored.
  // REQUIRES: at most one call per series.
  void Add(const LabelSet& labels, std::span<const Sample> samples);

  // Hands out the result. The folder is empty afterwards.
  FoldedRange Take();

 private:
  // The accumulators of the aggregate that the series belongs to: one per step.
  std::span<GroupAccumulator> AggregateSteps(const LabelSet& labels);

  const AggregationRule rule_;
  const PromqlDialect dialect_;
  const DurationMs window_ms_;
  const TimestampMs first_ms_;
  const size_t steps_;
  absl::flat_hash_map<LabelSet, std::vector<GroupAccumulator>> aggregates_;
};

}  // namespace auspex
