#include "sidecar/serve/api_service.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sidecar/core/duration.h"
#include "sidecar/forecast/limit.h"
#include "sidecar/serve/total_members.h"

namespace auspex {
namespace {

using LabelFilter = google::protobuf::Map<std::string, std::string>;

double Seconds(TimestampMs t_ms) { return static_cast<double>(t_ms) / 1000.0; }

bool MatchesAll(const LabelSet& labels, const LabelFilter& filter) {
  return std::all_of(filter.begin(), filter.end(),
                     [&](const auto& entry) { return labels.Get(entry.first) == entry.second; });
}

void CopyLabels(const LabelSet& labels, LabelFilter* out) {
  for (const auto& [name, value] : labels.labels()) (*out)[name] = value;
}

// The rule asked for, or all of them when `name` is empty.
absl::StatusOr<std::vector<const ActiveRule*>> SelectRules(const ActiveRules& rules,
                                                           const std::string& name) {
  std::vector<const ActiveRule*> selected;
  for (const ActiveRule& active : rules.rules) {
    if (name.empty() || active.rule.name == name) selected.push_back(&active);
  }
  if (selected.empty() && !name.empty()) {
    return absl::NotFoundError(absl::StrCat("no rule named \"", name, "\""));
  }
  return selected;
}

void FillLead(const Forecast& forecast, DurationMs lead_ms, TimestampMs now_ms,
              v1::LeadForecast* out) {
  out->set_horizon(FormatDuration(lead_ms));
  for (size_t q = 0; q < forecast.quantile_levels.size(); ++q) {
    out->add_values(forecast.At(q, now_ms + lead_ms));
  }
  const double probability = BreachProbability(forecast, lead_ms, now_ms);
  if (!IsMissing(probability)) out->set_breach_probability(probability);
}

void FillAggregate(const ActiveRule& active, const Forecast& forecast, TimestampMs now_ms,
                   v1::AggregateStatus* out) {
  out->set_rule(active.rule.name);
  CopyLabels(forecast.labels, out->mutable_labels());
  out->set_origin(Seconds(forecast.origin_ms));
  out->set_last_value(forecast.last_value);
  if (!IsMissing(forecast.limit)) out->set_limit(forecast.limit);
  out->set_model(forecast.model);
  out->set_reason(forecast.reason);
  out->set_model_version(static_cast<int>(forecast.model_version));
  if (forecast.values.empty()) return;
  for (const double level : forecast.quantile_levels) out->add_quantiles(level);
  for (const DurationMs lead_ms : active.rule.leads_ms) {
    FillLead(forecast, lead_ms, now_ms, out->add_leads());
  }
  if (IsMissing(forecast.limit)) return;
  for (size_t q = 0; q < forecast.quantile_levels.size(); ++q) {
    if (forecast.quantile_levels[q] < 0.5) continue;
    v1::TimeToLimit* time = out->add_time_to_limit();
    time->set_quantile(forecast.quantile_levels[q]);
    const double seconds = SecondsToLimit(forecast, q, now_ms);
    if (std::isfinite(seconds)) time->set_seconds(seconds);
  }
}

// Sorts soonest to its limit first: by the median's time, then by the higher quantiles'. Aggregates
// without a limit come last.
std::pair<bool, std::vector<double>> TimeToLimitKey(const v1::AggregateStatus& aggregate) {
  std::vector<double> seconds;
  for (const v1::TimeToLimit& time : aggregate.time_to_limit()) {
    seconds.push_back(time.has_seconds() ? time.seconds()
                                         : std::numeric_limits<double>::infinity());
  }
  return {seconds.empty(), std::move(seconds)};
}

void FillSettings(const model::FitSettings& settings, v1::RuleFitSettings* out) {
  out->set_learning_rate(settings.learning_rate);
  out->set_encoder_dropout(settings.encoder_dropout);
  out->set_weight_decay(settings.weight_decay);
}

void FillTuning(const TrainedModels& models, v1::RuleTuning* out) {
  FillSettings(models.settings, out->mutable_chosen());
  out->set_cpu_seconds(models.tuning_cpu_seconds);
  for (const model::FitTrial& trial : models.trials) {
    v1::RuleFitTrial* row = out->add_trials();
    FillSettings(trial.settings, row->mutable_settings());
    row->set_iterations(trial.iterations);
    if (!IsMissing(trial.loss)) row->set_loss(trial.loss);
  }
}

void FillAccuracy(const LossSums& losses, v1::Accuracy* out) {
  const Losses means = losses.Means();
  out->set_targets(losses.weight());
  if (!IsMissing(means.error)) out->set_mase(means.error);
  if (!IsMissing(means.naive_error)) out->set_seasonal_naive_mase(means.naive_error);
  if (!IsMissing(means.pinball)) out->set_scaled_pinball(means.pinball);
  if (!IsMissing(means.inside)) out->set_coverage(means.inside);
  if (!IsMissing(means.bias)) out->set_bias(means.bias);
}

void FillLeads(const Ledger& ledger, const ActiveRule& active, v1::RuleAccuracy* out) {
  for (const LeadRecord& lead : ledger.Leads(active)) {
    v1::LeadAccuracy* row = out->add_leads();
    row->set_horizon(FormatDuration(lead.lead_ms));
    FillAccuracy(lead.losses, row->mutable_accuracy());
    row->set_interval_factor(lead.interval.factor());
  }
  if (const TimestampMs t_ms = ledger.DriftedAt(active); t_ms != 0) {
    out->set_drifted_at(Seconds(t_ms));
  }
}

void FillModel(const ModelVersion& version, v1::RuleStatus* out) {
  out->set_model_version(static_cast<int>(version.number()));
  out->set_trained_at(Seconds(version.summary().trained_at_ms));
  out->set_gate_choice(version.summary().choice.candidate);
  for (const auto& score : version.summary().scores) {
    v1::RuleScore* row = out->add_scores();
    row->set_candidate(score.candidate);
    row->set_mae(score.mae);
  }
  if (!version.summary().trials.empty()) FillTuning(version.summary(), out->mutable_tuning());
}

void FillChallenge(const Challenge& challenge, const ChallengeEvidence& evidence,
                   v1::RuleChallenge* out) {
  out->set_version(static_cast<int>(challenge.version));
  out->set_champion(static_cast<int>(challenge.champion));
  out->set_state(ChallengeStateName(challenge.state));
  out->set_reason(challenge.reason);
  out->set_started_at(Seconds(challenge.started_at_ms));
  out->set_earliest_end(Seconds(challenge.started_at_ms + challenge.for_ms));
  if (challenge.ended_at_ms != 0) out->set_ended_at(Seconds(challenge.ended_at_ms));
  out->set_blocks(evidence.blocks);
  if (!IsMissing(evidence.log_ratio)) out->set_loss_ratio(std::exp(evidence.log_ratio));
  if (!IsMissing(evidence.standard_error)) out->set_loss_ratio_error(evidence.standard_error);
}

}  // namespace

absl::Status ApiService::ListRules(const v1::ListRulesRequest&,
                                   v1::ListRulesResponse* response) const {
  const auto rules = sources_.rules();
  for (const ActiveRule& active : rules->rules) {
    v1::RuleStatus* out = response->add_rules();
    out->set_name(active.rule.name);
    out->set_promql(active.rule.Promql());
    out->set_step(FormatDuration(active.rule.values.step_ms));
    out->set_horizon(FormatDuration(active.rule.horizon_ms));
    out->set_interval(FormatDuration(active.rule.interval_ms));
    out->set_base_name(active.rule.base_name);
    out->set_aggregates(static_cast<int>(sources_.history.Aggregates(active.values_id).size()));
    const TimestampMs last_step_ms = sources_.history.LastStep(active.values_id);
    if (last_step_ms != 0) out->set_last_step(Seconds(last_step_ms));
    if (const auto latest = sources_.forecasts.Latest(active.rule.name)) {
      out->set_forecasts(static_cast<int>(latest->forecasts.size()));
      out->set_last_forecast(Seconds(latest->issued_at_ms));
    }
    const RuleActivity progress = sources_.progress.Get(active.rule.name);
    out->set_phase(PhaseName(progress.phase));
    out->set_progress(progress.fraction);
    out->set_stage(progress.stage);
    out->set_last_error(progress.last_error);
    if (const auto version = sources_.registry.Current(active.rule.name)) FillModel(*version, out);
    if (const auto challenge = sources_.registry.LatestChallenge(active.rule.name)) {
      const bool live = challenge->state == ChallengeState::kRunning && sources_.ledger != nullptr;
      FillChallenge(*challenge,
                    live ? sources_.ledger->Evidence(active, *challenge) : challenge->evidence,
                    out->mutable_challenge());
    }
  }
  return absl::OkStatus();
}

absl::Status ApiService::ListAggregates(const v1::ListAggregatesRequest& request,
                                        v1::ListAggregatesResponse* response) const {
  const auto rules = sources_.rules();
  auto selected = SelectRules(*rules, request.rule());
  if (!selected.ok()) return selected.status();
  const TimestampMs now_ms = sources_.clock.NowMs();
  for (const ActiveRule* active : *selected) {
    const auto latest = sources_.forecasts.Latest(active->rule.name);
    if (latest == nullptr) continue;
    for (const Forecast& forecast : latest->forecasts) {
      if (!MatchesAll(forecast.labels, request.labels())) continue;
      FillAggregate(*active, forecast, now_ms, response->add_aggregates());
    }
  }
  auto* aggregates = response->mutable_aggregates();
  std::stable_sort(
      aggregates->pointer_begin(), aggregates->pointer_end(),
      [](const auto* a, const auto* b) { return TimeToLimitKey(*a) < TimeToLimitKey(*b); });
  return absl::OkStatus();
}

absl::Status ApiService::GetForecast(const v1::GetForecastRequest& request,
                                     v1::GetForecastResponse* response) const {
  const auto rules = sources_.rules();
  auto selected = SelectRules(*rules, request.rule());
  if (!selected.ok()) return selected.status();
  const TimestampMs now_ms = sources_.clock.NowMs();
  for (const ActiveRule* active : *selected) {
    const auto latest = sources_.forecasts.Latest(active->rule.name);
    if (latest == nullptr) continue;
    const TotalMembers members(*rules, sources_.forecasts, *active, latest->origin_ms);
    for (const Forecast& forecast : latest->forecasts) {
      if (!MatchesAll(forecast.labels, request.labels())) continue;
      v1::AggregateForecast* out = response->add_forecasts();
      out->set_rule(active->rule.name);
      CopyLabels(forecast.labels, out->mutable_labels());
      out->set_origin(Seconds(forecast.origin_ms));
      out->set_issued_at(Seconds(forecast.issued_at_ms));
      out->set_model(forecast.model);
      out->set_reason(forecast.reason);
      out->set_model_version(static_cast<int>(forecast.model_version));
      const size_t levels = forecast.quantile_levels.size();
      for (const double level : forecast.quantile_levels) out->add_quantiles(level);
      for (int k = 1; k <= forecast.horizon_steps(); ++k) {
        v1::ForecastPoint* point = out->add_points();
        point->set_time(Seconds(forecast.origin_ms + k * forecast.step_ms));
        for (size_t q = 0; q < levels; ++q) {
          point->add_values(forecast.values[(k - 1) * levels + q]);
        }
      }
      members.FillContributions(forecast, now_ms, out);
    }
  }
  if (response->forecasts().empty()) {
    return absl::NotFoundError("no forecast matches the rule and labels asked for");
  }
  return absl::OkStatus();
}

absl::Status ApiService::GetAccuracy(const v1::GetAccuracyRequest& request,
                                     v1::GetAccuracyResponse* response) const {
  const auto rules = sources_.rules();
  auto selected = SelectRules(*rules, request.rule());
  if (!selected.ok()) return selected.status();
  for (const ActiveRule* active : *selected) {
    v1::RuleAccuracy* out = response->add_rules();
    out->set_rule(active->rule.name);
    if (sources_.ledger == nullptr) continue;
    FillLeads(*sources_.ledger, *active, out);
    for (const auto& [aggregate, labels] : sources_.history.Aggregates(active->values_id)) {
      if (!MatchesAll(labels, request.labels())) continue;
      const auto losses = sources_.ledger->OfAggregate(*active, aggregate);
      if (!losses) continue;
      v1::AggregateAccuracy* row = out->add_aggregates();
      CopyLabels(labels, row->mutable_labels());
      FillAccuracy(*losses, row->mutable_accuracy());
    }
    auto* aggregates = out->mutable_aggregates();
    std::stable_sort(
        aggregates->pointer_begin(), aggregates->pointer_end(),
        [](const auto* a, const auto* b) { return a->accuracy().mase() > b->accuracy().mase(); });
  }
  return absl::OkStatus();
}

absl::Status ApiService::GetConfig(const v1::GetConfigRequest&,
                                   v1::GetConfigResponse* response) const {
  response->set_yaml(sources_.config_yaml());
  return absl::OkStatus();
}

absl::Status ApiService::GetBuildInfo(const v1::GetBuildInfoRequest&,
                                      v1::GetBuildInfoResponse* response) const {
  response->set_version(sources_.build.version);
  response->set_revision(sources_.build.revision);
  response->set_compiler(sources_.build.compiler);
  response->set_engine(sources_.engine);
  return absl::OkStatus();
}

}  // namespace auspex
