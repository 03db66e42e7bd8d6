// The rules in service: registers what a configuration asks for with history and the aggregator.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "sidecar/config/config.h"
#include "sidecar/core/active_rule.h"
#include "sidecar/history/history.h"

namespace auspex {

// Thread-safe.
class RuleBook {
 public:
  // `history` must outlive it.
  explicit RuleBook(History& history) : history_(history) {}

  // Puts the rules of `config` in service. Rules that are gone lose their history; a rule whose
  // values would differ (another selector, step, ...) starts with an empty one.
  absl::Status Apply(const Config& config);

  // The present rules; never null.
  std::shared_ptr<const ActiveRules> Current() const;
  // The history id of an aggregation rule (values, limit or covariate) by its name. NotFound
  // between a reload that dropped the rule and the last step that was already on its way.
  absl::StatusOr<RuleId> IdOf(const std::string& aggregation) const;
  // Whether a metric name is one of our outputs.
  bool IsOutput(std::string_view metric_name) const;

 private:
  using Ids = absl::flat_hash_map<std::string, RuleId>;

  absl::StatusOr<RuleId> Register(const Rule& rule, const AggregationRule& aggregation,
                                  const std::string& fingerprint, size_t context_steps, Ids* ids);
  absl::StatusOr<ActiveRule> Activate(const Rule& rule, Ids* ids);

  History& history_;
  mutable absl::Mutex mu_;
  std::shared_ptr<const ActiveRules> current_ ABSL_GUARDED_BY(mu_) =
      std::make_shared<ActiveRules>();
  Ids ids_ ABSL_GUARDED_BY(mu_);
};

}  // namespace auspex
