#include "sidecar/app/scratch_history.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "sidecar/app/upstream_settings.h"
#include "sidecar/core/duration.h"
#include "sidecar/upstream/backfill.h"
#include "sidecar/upstream/query_puller.h"

namespace auspex {
namespace {

constexpr DurationMs kContextMax = 14 * kDay;  // what a model reads at most

// Leads that a person wants to see of a horizon: soon, a quarter, half, all of it.
std::vector<DurationMs> LeadsToShow(DurationMs horizon_ms, DurationMs step_ms) {
  std::vector<DurationMs> leads;
  for (const int part : {24, 4, 2, 1}) {
    const DurationMs lead_ms = std::max(step_ms, StepFloor(horizon_ms / part, step_ms));
    if (leads.empty() || leads.back() < lead_ms) leads.push_back(lead_ms);
  }
  return leads;
}

// A JSON string is a YAML string too.
std::string Quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// What to read of a rule: its values, then its covariates. The dialect is asked for where they are
// folded here.
absl::StatusOr<std::vector<BackfillJob>> JobsFor(const ActiveRule& active,
                                                 const UpstreamSettings& settings,
                                                 PrometheusApi& api,
                                                 const std::atomic<bool>& stopping) {
  const Rule& rule = active.rule;
  BackfillJob job;
  job.rule = active.values_id;
  job.aggregation = rule.values;
  job.query = rule.query;
  job.aggregates_max = rule.aggregates_max;
  if (rule.pulled()) return std::vector{job};
  if (!settings.dialect) {
    const auto build = api.GetBuildInfo(&stopping);
    if (!build.ok()) return build.status();
    job.dialect = build->dialect;
  } else {
    job.dialect = *settings.dialect;
  }
  std::vector<BackfillJob> jobs = {job};
  for (size_t i = 0; i < rule.covariates.size(); ++i) {
    job.rule = active.covariate_ids[i];
    job.aggregation = rule.covariates[i];
    jobs.push_back(job);
  }
  return jobs;
}

}  // namespace

absl::StatusOr<Config> ConfigForQuery(const QueryOptions& options, const std::string& name) {
  if (options.step_ms <= 0) return absl::InvalidArgumentError("the step is not positive");
  const DurationMs context_ms = std::min(kContextMax, StepFloor(options.range_ms, options.step_ms));
  const auto format_lead = [](std::string* out, DurationMs lead_ms) {
    absl::StrAppend(out, FormatDuration(lead_ms));
  };
  const auto format_level = [](std::string* out, double level) {
    absl::StrAppendFormat(out, "%.17g", level);
  };
  std::string yaml = absl::StrCat(
      "upstream: {url: ", Quoted(options.url), "}\nrules:\n- name: ", name,
      "\n  query: ", Quoted(options.query), "\n  step: ", FormatDuration(options.step_ms),
      "\n  interval: ", FormatDuration(options.step_ms),
      "\n  horizon: ", FormatDuration(options.horizon_ms), "\n  leads: [",
      absl::StrJoin(LeadsToShow(options.horizon_ms, options.step_ms), ", ", format_lead),
      "]\n  retention: ", FormatDuration(options.range_ms),
      "\n  model: {context: ", FormatDuration(context_ms), ", quantiles: [",
      absl::StrJoin(options.quantiles, ", ", format_level), "]}\n");
  if (options.limit) absl::StrAppendFormat(&yaml, "  limit: %.17g\n", *options.limit);
  return ParseConfig(yaml, "flags");
}

absl::Status ScratchHistory::Open(const Config& config) {
  config_ = config;
  if (absl::Status status = scratch_.Create(); !status.ok()) return status;
  auto store = Store::Open({.path = scratch_.File("history")}, logger_);
  if (!store.ok()) return store.status();
  store_ = *std::move(store);
  auto history = History::Open(*store_, HistoryOptions(), logger_, metrics_);
  if (!history.ok()) return history.status();
  history_ = *std::move(history);
  rules_ = std::make_unique<RuleBook>(*history_);
  return rules_->Apply(config);
}

absl::Status ScratchHistory::Fill(DurationMs range_ms, const StageProgress& progress,
                                  const std::atomic<bool>& stopping) {
  auto settings = UpstreamFrom(config_);
  if (!settings.ok()) return settings.status();
  if (!*settings) return absl::InvalidArgumentError("the configuration names no upstream");
  PrometheusApi api((*settings)->prometheus, metrics_);
  progress("reading history", 0);
  auto jobs = JobsFor(active(), **settings, api, stopping);
  if (!jobs.ok()) return jobs.status();
  const DurationMs step_ms = active().rule.values.step_ms;
  // Newer steps may still change.
  const DurationMs delay_ms =
      active().rule.pulled() ? QueryPullerOptions().delay_ms : 2 * (*settings)->lateness_ms;
  const TimestampMs last_ms = clock_.NowMs() - delay_ms;
  range_ = {StepCeil(last_ms - range_ms, step_ms), StepFloor(last_ms, step_ms)};
  Backfill backfill(BackfillOptions(), api, *history_, logger_, metrics_);
  for (size_t i = 0; i < jobs->size(); ++i) {
    (*jobs)[i].range = range_;
    absl::Status status = backfill.Fill((*jobs)[i], stopping, [&](const BackfillProgress& done) {
      progress("reading history",
               (static_cast<double>(i) + done.fraction) / static_cast<double>(jobs->size()));
    });
    if (!status.ok()) return status;
  }
  if (!history_->Aggregates(active().values_id).empty()) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("the query has no data in the last ",
                                          FormatDuration(range_ms), " at ", api.url()));
}

}  // namespace auspex
