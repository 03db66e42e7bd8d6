// One rule of the live path: its aggregates, its member series and where its closing stands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "sidecar/aggregate/aggregate_metrics.h"
#include "sidecar/aggregate/router.h"
#include "sidecar/aggregate/rule_progress.h"
#include "sidecar/core/aggregation_rule.h"
#include "sidecar/core/label_index.h"
#include "sidecar/core/label_set.h"

namespace auspex {

// The aggregates of a rule that have members. Positions are used again.
class AggregateTable {
 public:
  // The aggregate's position, made on first sight; nullopt when there are `aggregates_max` others.
  std::optional<uint32_t> Join(const LabelSet& labels, size_t aggregates_max);
  // A member leaves. The last one takes the aggregate with it.
  void Leave(uint32_t aggregate);

  // Positions are below it.
  size_t positions() const { return entries_.size(); }
  size_t size() const { return by_labels_.size(); }
  // REQUIRES: the aggregate has members.
  const std::shared_ptr<const LabelSet>& labels(uint32_t aggregate) const {
    return entries_[aggregate].labels;
  }

 private:
  struct Entry {
    std::shared_ptr<const LabelSet> labels;  // null while the position is free
    size_t members = 0;
  };

  std::vector<Entry> entries_;
  std::vector<uint32_t> free_;
  LabelIndex<uint32_t> by_labels_;  // keys: the labels in `entries_`
};

struct Member {
  SeriesIndex series = 0;
  uint32_t aggregate = 0;
};

// Thread-compatible, but for what `mu` guards.
struct RuleState {
  RuleState(AggregationRule aggregation_rule, TimestampMs started_at_ms,
            prometheus::Registry& registry);

  // The same in every process for a rule of this name and fingerprint.
  static uint64_t IdOf(const AggregationRule& rule);

  AggregationRule rule;
  const uint64_t id;
  size_t aggregates_max = 0;
  size_t position = 0;  // among the rules of the aggregator
  // Written by requests that run at the same time: what `progress` saw, and `dirty`. What decides a
  // sample's effect is not among it. Taken after every other lock.
  absl::Mutex mu;
  RuleProgress progress;
  DirtySteps dirty;
  AggregateTable aggregates;
  std::vector<Member> members;
  uint64_t refusals_to_log = 0;  // series kept out since the last log line
  RuleMetrics metrics;
};

}  // namespace auspex
