// A rule in service: its configuration with what start-up resolved.
#pragma once

#include <optional>
#include <vector>

#include "sidecar/core/day_period.h"
#include "sidecar/core/forecast.h"
#include "sidecar/core/output_names.h"
#include "sidecar/core/rule.h"
#include "sidecar/core/time_zone.h"

namespace auspex {

struct ActiveRule {
  Rule rule;
  OutputNames names;
  RuleId values_id{};                      // history of the values
  std::optional<RuleId> limit_id;          // history of the limit, when it is a selector
  std::vector<RuleId> covariate_ids = {};  // histories of the covariates, in the rule's order
};

// All rules in service, in the configuration's order. Immutable: a reload makes another one.
struct ActiveRules {
  std::vector<ActiveRule> rules;
  LabelSet external_labels;  // on every series that we emit
  TimeZone timezone;         // decides day and night

  // Null when there is no such rule.
  const ActiveRule* Find(std::string_view name) const {
    for (const ActiveRule& active : rules) {
      if (active.rule.name == name) return &active;
    }
    return nullptr;
  }
};

}  // namespace auspex
