// The history of one rule, read from its upstream into a store that is thrown away: for commands
// that work without a daemon. The parts are the daemon's own, so that the values are too.
#pragma once

#include <prometheus/registry.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sidecar/app/progress_line.h"
#include "sidecar/app/rule_book.h"
#include "sidecar/base/clock.h"
#include "sidecar/base/log.h"
#include "sidecar/base/scratch_directory.h"
#include "sidecar/config/config.h"
#include "sidecar/core/active_rule.h"
#include "sidecar/history/history.h"
#include "sidecar/history/store.h"

namespace auspex {

// A rule for one query, as flags say it.
struct QueryOptions {
  std::string url;  // of the Prometheus that answers the query
  std::string query;
  DurationMs step_ms = 5 * kMinute;
  DurationMs horizon_ms = kDay;
  DurationMs range_ms = 14 * kDay;  // of history
  std::vector<double> quantiles = {0.1, 0.5, 0.9};
  std::optional<double> limit;
};

// The options as the configuration of a daemon with the one rule `name`: it has the checks and the
// defaults. InvalidArgument for options that no rule could have.
absl::StatusOr<Config> ConfigForQuery(const QueryOptions& options, const std::string& name);

// Not thread-safe.
class ScratchHistory {
 public:
  // `config` holds an upstream and one rule.
  absl::Status Open(const Config& config);
  // Reads what the upstream has of the last `range_ms` of the rule and its covariates. NotFound,
  // naming the upstream, when that is nothing; its own errors; Cancelled soon after `stopping`.
  absl::Status Fill(DurationMs range_ms, const StageProgress& progress,
                    const std::atomic<bool>& stopping);

  // The rest REQUIRES that Open was OK.
  const ActiveRule& active() const { return rules_->Current()->rules.front(); }
  const RuleBook& rules() const { return *rules_; }
  const History& history() const { return *history_; }
  // What Fill asked for.
  StepRange range() const { return range_; }
  const ScratchDirectory& directory() const { return scratch_; }

 private:
  const Logger logger_{};  // silent: the errors say what matters
  SystemClock clock_;
  prometheus::Registry metrics_;
  Config config_;
  ScratchDirectory scratch_;
  // In the order in which they are built: each only knows those above it.
  std::unique_ptr<Store> store_;
  std::unique_ptr<History> history_;
  std::unique_ptr<RuleBook> rules_;
  StepRange range_;
};

}  // namespace auspex
