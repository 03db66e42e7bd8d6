#include "sidecar/app/upstream_loop.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sidecar/config/prometheus_config.h"
#include "sidecar/core/duration.h"

namespace auspex {

struct UpstreamLoop::Connection {
  Connection(const UpstreamSettings& upstream, UpstreamLoopParts& parts)
      : settings(upstream),
        api(upstream.prometheus, parts.registry),
        backfill(BackfillOptions(), api, parts.history, parts.logger, parts.registry),
        puller(QueryPullerOptions(), api, parts.history, parts.clock, parts.logger,
               parts.registry) {}

  const UpstreamSettings settings;
  PrometheusApi api;
  Backfill backfill;
  QueryPuller puller;
  PromqlDialect dialect = PromqlDialect::kV3;
  bool known = false;  // the upstream has answered, so the dialect is its own
};

void UpstreamLoop::SetUpstream(std::optional<UpstreamSettings> settings) {
  absl::MutexLock lock(&mu_);
  settings_ = std::move(settings);
  changed_ = true;
  if (!settings_) external_labels_ = LabelSet();
}

LabelSet UpstreamLoop::ExternalLabels() const {
  absl::MutexLock lock(&mu_);
  return external_labels_;
}

void UpstreamLoop::Run(const std::atomic<bool>& stopping) {
  const auto rules = parts_.rules.Current();
  const absl::Status connected = Connect();
  if (!connected.ok() || connection_ == nullptr) {
    for (const ActiveRule& active : rules->rules) {
      if (!connected.ok()) parts_.progress.SetError(active.rule.name, connected.ToString());
      ShowFilled(active.rule.name);
    }
    if (!connected.ok()) {
      parts_.logger.Warn("the upstream does not answer", {{"error", connected}});
    }
    return;
  }
  const std::vector<Target> targets = Targets(*rules);
  for (const ActiveRule& active : rules->rules) {
    if (stopping) return;
    FillRule(active, targets, stopping);
  }
  Repair(targets, stopping);
  Pull(*rules, stopping);
}

absl::Status UpstreamLoop::Connect() {
  {
    absl::MutexLock lock(&mu_);
    if (changed_) {
      connection_ = settings_ ? std::make_shared<Connection>(*settings_, parts_) : nullptr;
      changed_ = false;
    }
  }
  if (connection_ == nullptr || connection_->known) return absl::OkStatus();
  const auto build = connection_->api.GetBuildInfo();
  if (!build.ok()) return build.status();
  connection_->dialect = connection_->settings.dialect.value_or(build->dialect);
  connection_->known = true;
  parts_.aggregator.SetDialect(connection_->dialect);
  LearnExternalLabels();
  parts_.logger.Info("connected to the upstream",
                     {{"url", connection_->api.url()}, {"version", build->version}});
  return absl::OkStatus();
}

void UpstreamLoop::LearnExternalLabels() {
  // Servers other than Prometheus do not tell, and have none to add.
  const auto yaml = connection_->api.Config();
  if (!yaml.ok()) return;
  const auto config = ParsePrometheusConfig(*yaml);
  if (!config.ok()) return;
  absl::MutexLock lock(&mu_);
  external_labels_ = config->external_labels;
}

std::vector<UpstreamLoop::Target> UpstreamLoop::Targets(const ActiveRules& rules) const {
  std::vector<Target> targets;
  const TimestampMs now_ms = parts_.clock.NowMs();
  for (const ActiveRule& active : rules.rules) {
    const DurationMs step_ms = active.rule.values.step_ms;
    BackfillJob job;
    job.dialect = connection_->dialect;
    job.aggregates_max = active.rule.aggregates_max;
    // Twice the lateness: a step that the live path is about to close is not asked for.
    job.range = {StepCeil(now_ms - active.rule.retention_ms, step_ms),
                 StepFloor(now_ms - 2 * connection_->settings.lateness_ms, step_ms)};
    if (active.rule.pulled()) {
      job.rule = active.values_id;
      job.aggregation = active.rule.values;
      job.query = active.rule.query;
      targets.push_back({job, &active});
      job.query.clear();
    }
    for (AggregationRule& aggregation : active.rule.Aggregations()) {
      const auto id = parts_.rules.IdOf(aggregation.name);
      if (!id.ok()) continue;
      job.rule = *id;
      job.aggregation = std::move(aggregation);
      targets.push_back({job, &active});
    }
  }
  return targets;
}

absl::Status UpstreamLoop::Fill(const Target& target, const std::atomic<bool>& stopping) {
  const std::string& name = target.active->rule.name;
  const bool first = parts_.progress.Get(name).phase == Phase::kFilling;
  return connection_->backfill.Fill(target.job, stopping, [&](const BackfillProgress& progress) {
    if (first) {
      parts_.progress.Set(
          name, Phase::kFilling, progress.fraction,
          absl::StrCat(target.job.aggregation.name, ", ", progress.samples, " samples"));
    }
  });
}

void UpstreamLoop::FillRule(const ActiveRule& active, const std::vector<Target>& targets,
                            const std::atomic<bool>& stopping) {
  for (const Target& target : targets) {
    if (target.active != &active) continue;
    const absl::Status status = Fill(target, stopping);
    if (absl::IsCancelled(status)) return;
    if (!status.ok()) {
      parts_.progress.SetError(active.rule.name, status.ToString());
      parts_.logger.Warn("history cannot be filled",
                         {{"rule", target.job.aggregation.name}, {"error", status}});
      if (absl::IsUnavailable(status)) connection_->known = false;  // it may come back as another
      ShowFilled(active.rule.name);
      return;
    }
  }
  parts_.progress.SetError(active.rule.name, "");
  ShowFilled(active.rule.name);
}

void UpstreamLoop::ShowFilled(const std::string& rule) {
  if (parts_.progress.Get(rule).phase != Phase::kFilling) return;
  parts_.progress.Set(rule, Phase::kCollecting, 0);
}

void UpstreamLoop::Repair(const std::vector<Target>& targets, const std::atomic<bool>& stopping) {
  for (const StepsToRepair& repair : parts_.aggregator.TakeDirty()) {
    const auto target = std::find_if(targets.begin(), targets.end(), [&](const Target& t) {
      return t.job.aggregation.name == repair.rule;
    });
    if (target == targets.end()) continue;
    BackfillJob job = target->job;
    job.replace_closed = true;
    // The upstream got the late samples when we did: wait until they count there too.
    if (repair.steps.last_ms > job.range.last_ms) {
      parts_.aggregator.MarkDirty(repair);
      continue;
    }
    job.range = {repair.steps.first_ms, repair.steps.last_ms};
    const absl::Status status = connection_->backfill.Fill(job, stopping);
    if (status.ok()) continue;
    parts_.aggregator.MarkDirty(repair);
    parts_.logger.Warn("late samples are not repaired yet",
                       {{"rule", repair.rule}, {"error", status}});
  }
}

void UpstreamLoop::Pull(const ActiveRules& rules, const std::atomic<bool>& stopping) {
  std::vector<PulledRule> pulled;
  for (const ActiveRule& active : rules.rules) {
    if (!active.rule.pulled()) continue;
    pulled.push_back({active.values_id, active.rule.name, active.rule.query,
                      active.rule.values.step_ms, active.rule.aggregates_max});
  }
  if (pulled.empty()) return;
  connection_->puller.PullDue(pulled, stopping);
  for (const PulledRule& rule : pulled) {
    const absl::Status status = connection_->puller.last_error(rule.id);
    if (!status.ok()) parts_.progress.SetError(rule.name, status.ToString());
  }
}

}  // namespace auspex
