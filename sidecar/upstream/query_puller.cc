#include "sidecar/upstream/query_puller.h"

#include <algorithm>
#include <utility>

#include "sidecar/core/duration.h"
#include "sidecar/upstream/history_writer.h"
#include "sidecar/upstream/upstream_metrics.h"

namespace auspex {

QueryPuller::QueryPuller(QueryPullerOptions options, PrometheusApi& api, History& history,
                         const Clock& clock, Logger logger, prometheus::Registry& registry)
    : options_(options),
      api_(api),
      history_(history),
      clock_(clock),
      logger_(logger.For("upstream")),
      backfill_(BackfillOptions{}, api, history, logger, registry),
      metrics_(std::make_unique<UpstreamMetrics>(registry)) {}

QueryPuller::~QueryPuller() = default;

StepRange QueryPuller::Due(const PulledRule& rule, TimestampMs now_ms) const {
  const TimestampMs last_ms = StepFloor(now_ms - options_.delay_ms, rule.step_ms);
  const TimestampMs closed_ms = history_.LastStep(rule.id);
  if (closed_ms == 0) return {last_ms, last_ms};
  return {
      std::max(closed_ms + rule.step_ms, StepCeil(last_ms - options_.catch_up_ms, rule.step_ms)),
      last_ms};
}

std::vector<RuleId> QueryPuller::PullDue(std::span<const PulledRule> rules,
                                         const std::atomic<bool>& cancel) {
  std::vector<RuleId> closed;
  for (const PulledRule& rule : rules) {
    if (cancel.load()) break;
    const TimestampMs now_ms = clock_.NowMs();
    State& state = states_[rule.id];
    const StepRange due = Due(rule, now_ms);
    if (due.first_ms > due.last_ms || now_ms < state.not_before_ms) continue;
    state.last_error = Pull(rule, due, cancel);
    if (state.last_error.ok()) {
      closed.push_back(rule.id);
    } else if (!absl::IsCancelled(state.last_error)) {
      state.not_before_ms = now_ms + options_.retry_ms;
      logger_.Warn("query failed", {{"rule", rule.name}, {"error", state.last_error}});
    }
  }
  return closed;
}

absl::Status QueryPuller::last_error(RuleId rule) const {
  const auto found = states_.find(rule);
  return found == states_.end() ? absl::OkStatus() : found->second.last_error;
}

absl::Status QueryPuller::Pull(const PulledRule& rule, StepRange due,
                               const std::atomic<bool>& cancel) {
  if (due.first_ms == due.last_ms) return PullStep(rule, due.last_ms, cancel);
  BackfillJob job;
  job.rule = rule.id;
  job.aggregation.name = rule.name;
  job.aggregation.step_ms = rule.step_ms;
  job.query = rule.query;
  job.range = due;
  job.aggregates_max = rule.aggregates_max;
  return backfill_.Fill(job, cancel);
}

absl::Status QueryPuller::PullStep(const PulledRule& rule, TimestampMs t_ms,
                                   const std::atomic<bool>& cancel) {
  const absl::StatusOr<std::vector<QuerySeries>> series = api_.Query(rule.query, t_ms, &cancel);
  if (!series.ok()) return series.status();
  HistoryWriter writer(history_, rule.id, rule.aggregates_max);
  FoldedRange folded{.steps = 1};
  for (const QuerySeries& one : *series) {
    if (one.samples.empty() || !writer.Admit(one.labels)) {
      metrics_->series_refused.Increment();
      continue;
    }
    folded.aggregates.push_back(one.labels);
    folded.values.push_back(one.samples.back().value);
  }
  if (absl::Status status = writer.Write({t_ms, t_ms}, folded); !status.ok()) return status;
  metrics_->Closed(rule.name, "query", 1);
  return absl::OkStatus();
}

}  // namespace auspex
