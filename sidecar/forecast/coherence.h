// Forecasts of a hierarchy that add up: what a total is told is the sum of what its members are.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sidecar/core/active_rule.h"
#include "sidecar/forecast/forecast_store.h"

namespace auspex {

// One issue of one rule. The rule is borrowed.
struct RuleIssue {
  const ActiveRule* rule = nullptr;
  std::shared_ptr<const RuleForecasts> forecasts;
};

// The issues with their medians reconciled at every lead (sum_tree.h), in the order given; an issue
// that takes part in no sum is returned as it is. REQUIRES: all have the same origin and step.
//
// * Weights: the variance of a forecast's error is taken from its own outermost quantiles, at each
//   lead; if some rule has the median alone, from the number of members below (structural scaling).
// * The other quantiles move with the median. They stay ordered, and those of an aggregate that
//   never was below zero stay so: what would fall below is held at zero, and the rest shared out
//   again.
// * "No change" is an exact answer, and most often the truth for quotas, counts and idle users:
//   where a total and its total say it, and for a member, where its total does, only rounding moves
//   them. A total that does move takes all its members along; medians that nearly all stay cannot
//   be right then.
// * A total counts only while it is, at the origin, the sum of its members: not when some of them
//   were refused or are hidden by a gap. Totals and members alike are then left as they were.
// * A member that abstains counts as its last value, give or take all of it. Ended ones are no part
//   of the total any more. Leads beyond a rule's horizon are reconciled without it.
std::vector<RuleIssue> Coherent(std::span<const RuleIssue> issues);

// Brings together the issues that belong to one hierarchy and one origin, whether they are made in
// one round or one after the other. Keeps the latest issue of each rule that reconciles as it was
// before. Not thread-safe.
class CoherentIssues {
 public:
  // Takes a new issue of a rule.
  void Add(const ActiveRule& rule, std::shared_ptr<const RuleForecasts> forecasts);

  // What the issues added since the last call give to publish: each of them, and again those of the
  // same hierarchy and origin that they complete. Rules that do not reconcile are a hierarchy each.
  // Forgets rules that are not in `rules`, which the result borrows from.
  std::vector<RuleIssue> Take(const ActiveRules& rules);

 private:
  struct Kept {
    RuleId values_id{};  // of the history that was forecast: a reload may give the rule another
    std::shared_ptr<const RuleForecasts> forecasts;
    bool added = false;  // since the last Take
  };

  std::map<std::string, Kept> latest_;
};

}  // namespace auspex
