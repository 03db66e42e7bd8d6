// Query rules: their values are pulled from the upstream, step by step.
#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "sidecar/base/clock.h"
#include "sidecar/base/log.h"
#include "sidecar/history/history.h"
#include "sidecar/upstream/backfill.h"
#include "sidecar/upstream/prometheus_api.h"

namespace auspex {

struct QueryPullerOptions {
  // How long after a step boundary its value is asked for: scrapes and recording rules of that
  // moment must have reached the upstream. Behaviour: it delays every forecast by as much.
  DurationMs delay_ms = 15 * kSecond;
  // Missed steps up to this age are caught up; older ones are left to the back-fill.
  DurationMs catch_up_ms = 6 * kHour;
  DurationMs retry_ms = 15 * kSecond;  // after a failed query, per rule
};

struct PulledRule {
  RuleId id{};
  std::string name;
  std::string query;
  DurationMs step_ms = 0;
  size_t aggregates_max = 10'000;
};

// Closes the steps of query rules in the history: the newest by an instant query at its boundary,
// steps that were missed by query_range. Not thread-safe: one thread calls it now and then.
class QueryPuller {
 public:
  // All references must outlive it; `api` is used by nobody else meanwhile.
  QueryPuller(QueryPullerOptions options, PrometheusApi& api, History& history, const Clock& clock,
              Logger logger, prometheus::Registry& registry);
  ~QueryPuller();

  // Asks for every step that is due, and returns the ids of the rules that have new closed steps.
  // A failure is logged, kept in last_error, and tried again after retry_ms.
  std::vector<RuleId> PullDue(std::span<const PulledRule> rules, const std::atomic<bool>& cancel);

  // Of the rule's last query; OK when there was none.
  absl::Status last_error(RuleId rule) const;

 private:
  struct State {
    TimestampMs not_before_ms = 0;
    absl::Status last_error;
  };

  absl::Status Pull(const PulledRule& rule, StepRange due, const std::atomic<bool>& cancel);
  absl::Status PullStep(const PulledRule& rule, TimestampMs t_ms, const std::atomic<bool>& cancel);
  // The steps to ask for now; first after last when there are none.
  StepRange Due(const PulledRule& rule, TimestampMs now_ms) const;

  const QueryPullerOptions options_;
  PrometheusApi& api_;
  History& history_;
  const Clock& clock_;
  const Logger logger_;
  Backfill backfill_;
  std::unique_ptr<UpstreamMetrics> metrics_;
  std::map<RuleId, State> states_;
};

}  // namespace auspex
