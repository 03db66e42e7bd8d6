#include "sidecar/forecast/forecaster.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "sidecar/core/calibration.h"
#include "sidecar/forecast/abstention.h"
#include "sidecar/forecast/challenge_share.h"
#include "sidecar/forecast/rule_spec.h"

namespace auspex {
namespace {

// Aggregates per engine call: bounds the memory of contexts and outputs (4 MB at two weeks of
// 5-minute steps) and is still plenty of work for every core.
constexpr size_t kBatch = 256;
// How far back the limit of an aggregate is looked for when its newest step is missing.
constexpr DurationMs kLimitLookback = kHour;

// What was known about the aggregate no longer holds, whatever else there is to say.
void NameLevelShift(Forecast& forecast) {
  forecast.model = "last";
  forecast.reason = "level_shift";
}

// Says which model of `version` (null: untrained) answers and why.
void NameModel(const ActiveRule& active, const ModelVersion* version, Verdict verdict,
               Forecast& forecast) {
  if (verdict == Verdict::kTooShort) {
    forecast.model = "none";
    forecast.reason = "cold_start";
    return;
  }
  // The verdict comes first: a forecast over a gap says so whichever model made it.
  const bool gap = verdict == Verdict::kGap;
  if (version == nullptr) {
    forecast.model = "naive_blend";
    forecast.reason = gap ? "gap" : "untrained";
    return;
  }
  const ModelChoice& choice = version->ChoiceFor(forecast.aggregate);
  forecast.model_version = version->number();
  forecast.model = choice.candidate == "own" ? active.rule.model.cell : choice.candidate;
  if (gap) {
    forecast.reason = "gap";
  } else if (choice.blend.network == 0) {
    forecast.reason = "gate";
  } else if (!version->Knows(forecast.aggregate)) {
    forecast.reason = "cold_start";
  } else {
    forecast.reason = "ok";
  }
}

// Whether the challenger's forecast is what the aggregate gets.
bool ChallengerServes(const ActiveRule& active, const Forecast& challenger) {
  const auto& challenge = active.rule.retrain.challenge;
  return challenge && InChallengeShare(challenger.labels, challenge->share_percent) &&
         std::all_of(challenger.values.begin(), challenger.values.end(),
                     [](float value) { return std::isfinite(value); });
}

}  // namespace

// An aggregate on its way through one run.
struct Forecaster::Candidate {
  Forecast forecast;
  Forecast challenger;  // untouched without one
  ContextState context;
  Verdict verdict = Verdict::kEnded;
};

Forecaster::Forecaster(const History& history, const ModelRegistry& registry, model::Engine& engine,
                       const Clock& clock, prometheus::Registry& metrics)
    : history_(history),
      registry_(registry),
      engine_(engine),
      clock_(clock),
      metrics_(metrics),
      prepared_(engine) {}

absl::StatusOr<ForecastRun> Forecaster::Run(const ActiveRule& active, const TimeZone& timezone,
                                            TimestampMs origin_ms) {
  const TimestampMs started_ms = clock_.NowMs();
  const model::ModelSpec spec = SpecForRule(active.rule, timezone, origin_ms);
  const PreparedRule& prepared =
      prepared_.For(active.rule.name, spec, registry_.Serving(active.rule.name, spec));

  std::vector<Candidate> candidates = Inspect(active, spec, origin_ms);
  std::vector<Candidate*> ready;
  for (Candidate& candidate : candidates) {
    candidate.forecast.issued_at_ms = started_ms;
    if (prepared.challenger != nullptr) {
      candidate.challenger = candidate.forecast;
      NameModel(active, prepared.challenger->version(), candidate.verdict, candidate.challenger);
    }
    NameModel(active, prepared.champion->version(), candidate.verdict, candidate.forecast);
    if (candidate.verdict != Verdict::kTooShort) ready.push_back(&candidate);
  }
  const std::vector<AggregatesByLabels> covariates = CovariatesByLabels(history_, active);
  for (size_t i = 0; i < ready.size(); i += kBatch) {
    const std::span<Candidate*> batch(&ready[i], std::min(kBatch, ready.size() - i));
    if (absl::Status status = RunBatch(spec, prepared, covariates, batch, origin_ms);
        !status.ok()) {
      metrics_.failures.Increment();
      return status;
    }
  }

  ForecastRun run{.served = std::make_shared<RuleForecasts>(), .shadows = {}};
  run.served->origin_ms = origin_ms;
  run.served->issued_at_ms = started_ms;
  run.served->forecasts.reserve(candidates.size());
  for (Candidate& candidate : candidates) {
    if (!candidate.challenger.values.empty()) {
      if (ChallengerServes(active, candidate.challenger)) {
        std::swap(candidate.forecast, candidate.challenger);
      }
      run.shadows.push_back(std::move(candidate.challenger));
    }
    run.served->forecasts.push_back(std::move(candidate.forecast));
  }
  FillLimits(active, origin_ms, run.served->forecasts);
  metrics_.Issued(active.rule.name, run.served->forecasts,
                  static_cast<double>(clock_.NowMs() - started_ms) / 1000.0);
  return run;
}

std::vector<Forecaster::Candidate> Forecaster::Inspect(const ActiveRule& active,
                                                       const model::ModelSpec& spec,
                                                       TimestampMs origin_ms) const {
  std::vector<Candidate> candidates;
  std::vector<float> context(spec.context_steps);
  int rule_silent_steps = spec.context_steps;
  for (auto& [aggregate, labels] : history_.Aggregates(active.values_id)) {
    history_.Context(aggregate, origin_ms, context);
    Candidate candidate;
    candidate.context = InspectContext(context);
    rule_silent_steps = std::min(rule_silent_steps, candidate.context.silent_steps);
    candidate.forecast.aggregate = aggregate;
    candidate.forecast.labels = std::move(labels);
    candidate.forecast.origin_ms = origin_ms;
    candidate.forecast.step_ms = spec.step_ms;
    candidate.forecast.last_value = candidate.context.last_value;
    candidate.forecast.never_negative = candidate.context.never_negative;
    candidates.push_back(std::move(candidate));
  }
  std::erase_if(candidates, [&](Candidate& candidate) {
    candidate.verdict = JudgeContext(candidate.context, rule_silent_steps, spec.step_ms);
    return candidate.verdict == Verdict::kEnded;
  });
  return candidates;
}

// [covariates][steps up to the origin]; what the covariate does not have for these labels is
// missing.
void Forecaster::FillCovariates(std::span<const AggregatesByLabels> covariates,
                                const LabelSet& labels, TimestampMs origin_ms,
                                std::span<float> out) const {
  std::fill(out.begin(), out.end(), std::numeric_limits<float>::quiet_NaN());
  for (size_t i = 0; i < covariates.size(); ++i) {
    const size_t steps = out.size() / covariates.size();
    const auto aggregate = covariates[i].Find(labels);
    if (aggregate) history_.Context(*aggregate, origin_ms, out.subspan(i * steps, steps));
  }
}

absl::Status Forecaster::RunBatch(const model::ModelSpec& spec, const PreparedRule& prepared,
                                  std::span<const AggregatesByLabels> covariates,
                                  std::span<Candidate*> batch, TimestampMs origin_ms) {
  const size_t context_steps = spec.context_steps;
  const size_t covariate_values = covariates.size() * context_steps;
  contexts_.resize(batch.size() * context_steps);
  covariates_.resize(batch.size() * covariate_values);
  for (size_t i = 0; i < batch.size(); ++i) {
    const std::span<float> context(&contexts_[i * context_steps], context_steps);
    history_.Context(batch[i]->forecast.aggregate, origin_ms, context);
    FillCovariates(covariates, batch[i]->forecast.labels, origin_ms,
                   std::span(covariates_).subspan(i * covariate_values, covariate_values));
  }
  absl::Status status = RunModels(*prepared.champion, batch, origin_ms, &Candidate::forecast);
  if (!status.ok() || prepared.challenger == nullptr) return status;
  return RunModels(*prepared.challenger, batch, origin_ms, &Candidate::challenger);
}

absl::Status Forecaster::RunModels(PreparedVersion& prepared, std::span<Candidate*> batch,
                                   TimestampMs origin_ms, Forecast Candidate::*forecast) {
  const model::ModelSpec& spec = prepared.spec();
  const size_t context_steps = spec.context_steps;
  const size_t covariate_values = covariates_.size() / batch.size();
  const size_t outputs = static_cast<size_t>(spec.horizon_steps) * spec.quantiles.size();
  outputs_.resize(batch.size() * outputs);
  std::vector<model::ForecastItem> items(batch.size());
  for (size_t i = 0; i < batch.size(); ++i) {
    const std::span<float> context(&contexts_[i * context_steps], context_steps);
    Forecast& one = batch[i]->*forecast;
    const auto serving = prepared.Serving(one.aggregate, context);
    if (!serving.ok()) return serving.status();
    if (serving->level_shift) NameLevelShift(one);
    items[i] = {serving->model, context, origin_ms, serving->blend,
                std::span(covariates_).subspan(i * covariate_values, covariate_values)};
  }
  absl::Status status = engine_.Forecast(spec, items, outputs_);
  prepared.ReleaseSource();  // batch by batch: the weights of the whole fleet are never resident
  if (!status.ok()) return status;
  for (size_t i = 0; i < batch.size(); ++i) {
    Forecast& one = batch[i]->*forecast;
    one.quantile_levels = spec.quantiles;
    one.values.assign(&outputs_[i * outputs], &outputs_[i * outputs] + outputs);
    CalibrateTargets(prepared.interval_factor(), static_cast<size_t>(spec.median_index()),
                     {one.last_value, one.never_negative}, spec.quantiles.size(), one.values);
  }
  return absl::OkStatus();
}

void Forecaster::FillLimits(const ActiveRule& active, TimestampMs origin_ms,
                            std::vector<Forecast>& forecasts) const {
  if (!active.rule.limit) return;
  if (active.rule.limit->constant) {
    for (Forecast& forecast : forecasts) forecast.limit = *active.rule.limit->constant;
    return;
  }
  if (!active.limit_id) return;
  const AggregatesByLabels limits(history_, *active.limit_id, *active.rule.limit->aggregation);
  const DurationMs step_ms = active.rule.values.step_ms;
  std::vector<float> recent(std::max<DurationMs>(1, kLimitLookback / step_ms));
  for (Forecast& forecast : forecasts) {
    const auto limit = limits.Find(forecast.labels);
    if (!limit) continue;
    history_.Context(*limit, origin_ms, recent);
    const ContextState state = InspectContext(recent);
    if (state.values > 0) forecast.limit = state.last_value;
  }
}

}  // namespace auspex
