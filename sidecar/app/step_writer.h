// Closed steps into history: the joint between aggregate (or a pulled query) and history.
#pragma once

#include <span>

#include "absl/status/status.h"
#include "sidecar/aggregate/aggregator.h"
#include "sidecar/app/rule_book.h"
#include "sidecar/history/history.h"

namespace auspex {

// Thread-safe.
class StepWriter {
 public:
  // What it was given must outlive it.
  StepWriter(const RuleBook& rules, History& history) : rules_(rules), history_(history) {}

  // Makes the steps durable. Steps of a rule that a reload has just dropped are left out.
  absl::Status Write(std::span<const ClosedStep> steps);

 private:
  absl::Status WriteStep(const ClosedStep& step);

  const RuleBook& rules_;
  History& history_;
};

}  // namespace auspex
