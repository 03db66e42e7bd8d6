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
  Issue& last = last_[name];
  const bool interval_passed = origin_ms - last.origin_ms >= active.rule.interval_ms;
  // Before the forecasts: a promoted version makes those of this step.
  if (interval_passed) SettleChallenge(active);
  const auto version = parts_.registry.Current(name);
  const uint64_t model_version = version == nullptr ? 0 : version->number();
  if (!interval_passed && model_version == last.model_version) return;

  const auto run = parts_.forecaster.Run(active, rules.timezone, origin_ms);
  last = {origin_ms, model_version};
  if (!run.ok()) {
    parts_.logger.Error("no forecast", {{"rule", name}, {"error", run.status()}});
    return;
  }
  if (const auto challenge = parts_.registry.LatestChallenge(name)) {
    parts_.ledger.KeepPairs(active, *challenge, run->served->forecasts, run->shadows);
  }
  // Widths are calibrated first: reconciling weighs by them, and moves quantiles without changing
  // them.
  parts_.ledger.Calibrate(active, run->served->forecasts);
  coherent_.Add(active, run->served);
}

// Promotes or drops a challenger once the ledger knows enough of it.
void ForecastLoop::SettleChallenge(const ActiveRule& active) {
  const std::string& name = active.rule.name;
  auto challenge = parts_.registry.LatestChallenge(name);
  if (!challenge) return;
  if (challenge->state != ChallengeState::kRunning) {
    parts_.ledger.EndChallenge(active, *challenge);
    return;
  }
  const ChallengeDecision decision =
      active.rule.retrain.challenge ? parts_.ledger.Judge(active, *challenge)
                                    : ChallengeDecision{ChallengeVerdict::kDrop, "not_configured"};
  if (decision.verdict == ChallengeVerdict::kGoesOn) return;
  challenge->state = decision.verdict == ChallengeVerdict::kPromote ? ChallengeState::kPromoted
                                                                    : ChallengeState::kDropped;
  challenge->ended_at_ms = parts_.clock.NowMs();
  challenge->reason = decision.reason;
  challenge->evidence = parts_.ledger.Evidence(active, *challenge);
  if (absl::Status status = parts_.registry.EndChallenge(name, *challenge); !status.ok()) {
    parts_.logger.Error("a challenge cannot end", {{"rule", name}, {"error", status}});
    return;
  }
  parts_.ledger.EndChallenge(active, *challenge);
  parts_.logger.Info("challenge ended", {{"rule", name},
                                         {"version", challenge->version},
                                         {"champion", challenge->champion},
                                         {"state", ChallengeStateName(challenge->state)},
                                         {"reason", challenge->reason},
                                         {"blocks", challenge->evidence.blocks},
                                         {"log_ratio", challenge->evidence.log_ratio},
                                         {"standard_error", challenge->evidence.standard_error}});
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
