// What belongs to an aggregate in the history of another rule.
#pragma once

#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "sidecar/core/active_rule.h"
#include "sidecar/core/aggregation_rule.h"
#include "sidecar/core/label_set.h"
#include "sidecar/history/history.h"

namespace auspex {

// The aggregates of a companion of a rule (its limit, one of its covariates), as they were when it
// was made. They are joined to the rule's on equal values of the labels that the companion groups
// by, of which the rule's aggregates may have more. Immutable.
class AggregatesByLabels {
 public:
  // `id` is that of `companion` in the history.
  AggregatesByLabels(const History& history, RuleId id, const AggregationRule& companion) {
    for (const ByLabel& label : companion.by) by_.push_back({label.as, label.as});
    for (auto& [aggregate, labels] : history.Aggregates(id)) ids_.emplace(labels, aggregate);
  }

  // What belongs to an aggregate of the rule with these labels, if there is anything.
  std::optional<AggregateId> Find(const LabelSet& labels) const {
    const auto it = ids_.find(AggregateKey(labels, by_));
    return it == ids_.end() ? std::nullopt : std::optional(it->second);
  }

 private:
  std::vector<ByLabel> by_;
  absl::flat_hash_map<LabelSet, AggregateId> ids_;
};

// Of each covariate of a rule, in their order.
inline std::vector<AggregatesByLabels> CovariatesByLabels(const History& history,
                                                          const ActiveRule& active) {
  std::vector<AggregatesByLabels> covariates;
  for (size_t i = 0; i < active.covariate_ids.size(); ++i) {
    covariates.emplace_back(history, active.covariate_ids[i], active.rule.covariates[i]);
  }
  return covariates;
}

}  // namespace auspex
