// What belongs to an aggregate in the history of another rule.
#pragma once

#include <optional>

#include "absl/container/flat_hash_map.h"
#include "sidecar/core/label_set.h"
#include "sidecar/history/history.h"

namespace auspex {

// The aggregates of one rule by their labels, as they were when it was made: companions of a rule
// (its limit, its covariates) are joined to it on equal labels. Immutable.
class AggregatesByLabels {
 public:
  AggregatesByLabels(const History& history, RuleId rule) {
    for (auto& [aggregate, labels] : history.Aggregates(rule)) ids_.emplace(labels, aggregate);
  }

  // The aggregate with exactly these labels, if there is one.
  std::optional<AggregateId> Find(const LabelSet& labels) const {
    const auto it = ids_.find(labels);
    return it == ids_.end() ? std::nullopt : std::optional(it->second);
  }

 private:
  absl::flat_hash_map<LabelSet, AggregateId> ids_;
};

}  // namespace auspex
