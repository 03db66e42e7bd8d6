// Values of the upstream into the history, up to a rule's limit of aggregates.
#pragma once

#include <cstddef>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "sidecar/aggregate/series_folder.h"
#include "sidecar/core/label_set.h"
#include "sidecar/history/history.h"

namespace auspex {

// For one rule. Not thread-safe.
class HistoryWriter {
 public:
  // `history` must outlive it.
  HistoryWriter(History& history, RuleId rule, size_t aggregates_max);

  // Whether the rule may have this aggregate: it has it already, or there is room for it. The
  // answer for one aggregate is always the same.
  bool Admit(const LabelSet& aggregate);
  // How many aggregates the rule has, with those admitted.
  size_t aggregates() const { return admitted_.size(); }

  // Closes the steps of `range` with these values, and with nothing where they have none.
  // REQUIRES: folded.steps is the number of steps in the range; its aggregates were admitted.
  absl::Status Write(StepRange range, const FoldedRange& folded);

 private:
  History& history_;
  const RuleId rule_;
  const size_t aggregates_max_;
  absl::flat_hash_set<LabelSet> admitted_;
};

}  // namespace auspex
