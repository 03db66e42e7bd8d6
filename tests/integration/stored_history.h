// What a daemon that was stopped has left in its history.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sidecar/core/label_set.h"
#include "sidecar/history/history.h"

namespace auspex {

// The steps of one aggregation rule.
struct StoredRule {
  StepRange range;                                 // of all that was read
  std::vector<StepRange> gaps;                     // never closed
  std::map<LabelSet, std::vector<double>> values;  // at every step of `range`, NaN missing
};

// Opens the history below `storage_path` with the rules of a configuration file and reads the steps
// of every rule (those of limits and covariates too) inside `range`, by the rule's name.
absl::StatusOr<std::map<std::string, StoredRule>> ReadStoredHistory(const std::string& storage_path,
                                                                    const std::string& config_file,
                                                                    StepRange range);

}  // namespace auspex
