#include "sidecar/app/forecast_loop.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace auspex {

void ForecastLoop::Run() {
  CloseSteps();
  const auto rules = parts_.rules.Current();
  std::erase_if(last_, [&](const auto& entry) { return rules->Find(entry.first) == nullptr; });
  for (const ActiveRule& active : rules->rules) {
    // Half a history has half the truths, and a forecast from it would be wrong and be replaced
    // within seconds.
    if (parts_.progress.Get(active.rule.name).phase == Phase::kFilling) continue;
    parts_.ledger.Score(active);
    ForecastIfDue(active, *rules);
  }
  const std::vector<RuleIssue> issues = coherent_.Take(*rules);
  for (const RuleIssue& issue : issues) Publish(issue);
  if (!issues.empty()) parts_.on_issue();
}

void ForecastLoop::CloseSteps() {
  const std::vector<ClosedStep> closed = parts_.aggregator.CloseDue(parts_.clock.NowMs());
  if (!closed.empty()) {
    if (absl::Status status = parts_.steps.Write(closed); !status.ok()) {
      parts_.logger.Error("closed steps are not kept", {{"error", status}});
      // The upstream still has them.
      for (const ClosedStep& step : closed) {
        parts_.aggregator.MarkDirty({step.rule, {step.t_ms, step.t_ms}});
      }
    }
    if (absl::Status status = parts_.pending.Trim(parts_.aggregator.PendingTrimTime());
        !status.ok()) {
      parts_.logger.Error("the ingest log cannot be trimmed", {{"error", status}});
    }
  }
}

void ForecastLoop::ForecastIfDue(const ActiveRule& active, const ActiveRules& rules) {
  const std::string& name = active.rule.name;
  const TimestampMs origin_ms = parts_.history.LastStep(active.values_id);
  if (origin_ms == 0) return;
  const auto version = parts_.registry.Current(name);
  const uint64_t model_version = version == nullptr ? 0 : version->number();
  Issue& last = last_[name];
  const bool due =
      origin_ms - last.origin_ms >= active.rule.interval_ms || model_version != last.model_version;
  if (!due) return;

  const auto result = parts_.forecaster.Run(active, rules.timezone, origin_ms);
  last = {origin_ms, model_version};
  if (!result.ok()) {
    parts_.logger.Error("no forecast", {{"rule", name}, {"error", result.status()}});
    return;
  }
  // Widths are calibrated first: reconciling weighs by them, and moves quantiles without changing
  // them.
  parts_.ledger.Calibrate(active, (*result)->forecasts);
  coherent_.Add(active, *result);
}

void ForecastLoop::Publish(const RuleIssue& issue) {
  const std::string& name = issue.rule->rule.name;
  parts_.forecasts.Publish(name, issue.forecasts);
  KeepIssued(*issue.rule, *issue.forecasts);
  parts_.logger.Info("forecasts issued", {{"rule", name},
                                          {"aggregates", issue.forecasts->forecasts.size()},
                                          {"model_version", last_[name].model_version}});
}

void ForecastLoop::KeepIssued(const ActiveRule& active, const RuleForecasts& result) {
  IssuedRow row;
  parts_.ledger.FillIssued(active, &row);
  for (const Forecast& forecast : result.forecasts) {
    if (forecast.values.empty()) continue;
    row.quantile_levels = forecast.quantile_levels;  // those of the rule: the same for all
    IssuedForecast issued;
    issued.aggregate = forecast.aggregate;
    for (const DurationMs lead_ms : row.leads_ms) {
      for (size_t q = 0; q < forecast.quantile_levels.size(); ++q) {
        issued.values.push_back(static_cast<float>(forecast.At(q, result.origin_ms + lead_ms)));
      }
    }
    row.forecasts.push_back(std::move(issued));
  }
  absl::Status status = parts_.issued.Put(active.values_id, result.origin_ms, row);
  if (status.ok()) {
    status = parts_.issued.Trim(active.values_id, result.origin_ms - active.rule.retention_ms);
  }
  if (!status.ok()) {
    parts_.logger.Error("issued forecasts are not kept",
                        {{"rule", active.rule.name}, {"error", status}});
  }
}

}  // namespace auspex
