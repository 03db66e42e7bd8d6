#include "sidecar/worker/train_codec.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace auspex {
namespace {

absl::StatusOr<model::ModelSpec> SpecFromMessage(const v1::ModelSpec& message) {
  const auto cell = model::ParseCell(message.cell());
  if (!cell.ok()) return cell.status();
  model::ModelSpec spec;
  spec.cell = *cell;
  spec.hidden = message.hidden();
  spec.layers = message.layers();
  spec.decoder_width = message.decoder_width();
  spec.step_ms = message.step_ms();
  spec.horizon_steps = message.horizon_steps();
  spec.context_steps = message.context_steps();
  spec.utc_offset_minutes = message.utc_offset_minutes();
  spec.quantiles.assign(message.quantiles().begin(), message.quantiles().end());
  spec.covariates.assign(message.covariates().begin(), message.covariates().end());
  spec.special_days.assign(message.special_days().begin(), message.special_days().end());
  // A daemon that does not tell has the first features, and one network to a model.
  spec.features_version = std::max(1, message.features_version());
  spec.members = std::max(1, message.members());
  if (absl::Status valid = spec.Validate(); !valid.ok()) return valid;
  return spec;
}

absl::StatusOr<model::FitSettings> SettingsFromMessage(const v1::FitSettings& message) {
  const model::FitSettings settings{.learning_rate = message.learning_rate(),
                                    .encoder_dropout = message.encoder_dropout(),
                                    .weight_decay = message.weight_decay()};
  const bool sane = settings.learning_rate > 0 && settings.learning_rate <= 1 &&
                    settings.encoder_dropout >= 0 && settings.encoder_dropout < 1 &&
                    settings.weight_decay >= 0 && settings.weight_decay <= 1;
  if (!sane) return absl::InvalidArgumentError("settings are out of range");
  return settings;
}

void SetSettings(const model::FitSettings& settings, v1::FitSettings* message) {
  message->set_learning_rate(settings.learning_rate);
  message->set_encoder_dropout(settings.encoder_dropout);
  message->set_weight_decay(settings.weight_decay);
}

void SetChoice(model::GateCandidate candidate, v1::GateChoice* message) {
  const model::Blend blend = model::BlendOf(candidate);
  message->set_candidate(std::string(model::GateCandidateName(candidate)));
  message->set_own(model::UsesOwn(candidate));
  message->set_network(blend.network);
  message->set_seasonal_naive(blend.seasonal_naive);
  message->set_last(blend.last);
}

void SetScores(const std::vector<model::TrainedScore>& scores,
               google::protobuf::RepeatedPtrField<v1::CandidateScore>* messages) {
  for (const model::TrainedScore& score : scores) {
    v1::CandidateScore* message = messages->Add();
    message->set_candidate(std::string(model::GateCandidateName(score.candidate)));
    message->set_mae(score.mae);
    message->set_pinball(score.pinball);
  }
}

model::GateEvidence EvidenceFromMessage(const v1::GateEvidence& message) {
  model::GateEvidence evidence;
  if (!(message.weight() > 0)) return evidence;
  evidence.weight = std::min(message.weight(), model::kEvidenceWeightMax);
  for (const v1::CandidateErrors& errors : message.candidates()) {
    const auto candidate = model::ParseGateCandidate(errors.candidate());
    if (!candidate) continue;
    evidence.errors.mean[static_cast<size_t>(*candidate)] = errors.mean();
    evidence.errors.typical[static_cast<size_t>(*candidate)] = errors.typical();
  }
  return evidence;
}

void SetEvidence(const model::GateEvidence& evidence, v1::GateEvidence* message) {
  message->set_weight(evidence.weight);
  for (int i = 0; i < model::kGateCandidates; ++i) {
    const auto at = static_cast<size_t>(i);
    if (!std::isfinite(evidence.errors.mean[at])) continue;
    v1::CandidateErrors* errors = message->add_candidates();
    errors->set_candidate(
        std::string(model::GateCandidateName(static_cast<model::GateCandidate>(i))));
    errors->set_mean(evidence.errors.mean[at]);
    errors->set_typical(evidence.errors.typical[at]);
  }
}

void SetWeights(const model::Weights& weights, google::protobuf::RepeatedField<float>* message) {
  message->Assign(weights.values().begin(), weights.values().end());
}

}  // namespace

absl::StatusOr<model::TrainJob> JobFromHeader(const v1::TrainHeader& header) {
  auto spec = SpecFromMessage(header.spec());
  if (!spec.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("rule ", header.rule(), ": spec: ", std::string(spec.status().message())));
  }
  if (header.aggregates() < 1) {
    return absl::InvalidArgumentError(absl::StrCat("rule ", header.rule(), ": aggregates is ",
                                                   header.aggregates(), ", must be at least 1"));
  }
  if (!(header.seconds_max() >= 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("rule ", header.rule(), ": seconds_max is ", header.seconds_max()));
  }
  if (!(header.cpu_share() >= 0 && header.cpu_share() <= 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("rule ", header.rule(), ": cpu_share is ", header.cpu_share()));
  }
  const bool bad_tuning = header.tuning_trials() < 0 || !(header.tuning_cpu_seconds_max() >= 0);
  if (bad_tuning) {
    return absl::InvalidArgumentError(
        absl::StrCat("rule ", header.rule(), ": tuning_trials is ", header.tuning_trials(),
                     ", tuning_cpu_seconds_max is ", header.tuning_cpu_seconds_max()));
  }
  model::TrainJob job;
  if (header.has_settings()) {
    const auto settings = SettingsFromMessage(header.settings());
    if (!settings.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("rule ", header.rule(), ": ", std::string(settings.status().message())));
    }
    job.settings = *settings;
  }
  job.tuning_trials = header.tuning_trials();
  job.tuning_cpu_seconds_max = header.tuning_cpu_seconds_max();
  job.spec = *std::move(spec);
  job.seed = header.seed();
  job.per_aggregate = header.per_aggregate();
  job.own_steps_min = header.own_steps_min();
  job.seconds_max = header.seconds_max();
  return job;
}

model::TrainSeries SeriesFromMessage(const v1::TrainSeries& message) {
  return {.aggregate = message.aggregate_id(),
          .first_ms = message.first_ms(),
          .values = {message.values().begin(), message.values().end()},
          .covariates = {message.covariates().begin(), message.covariates().end()},
          .evidence = EvidenceFromMessage(message.evidence())};
}

v1::TrainEvent ProgressEvent(const model::TrainProgress& progress) {
  v1::TrainEvent event;
  event.mutable_progress()->set_stage(std::string(progress.stage));
  event.mutable_progress()->set_fraction(progress.fraction);
  event.mutable_progress()->set_loss(progress.loss);
  return event;
}

v1::TrainEvent SummaryEvent(const model::TrainResult& result, double seconds) {
  v1::TrainEvent event;
  v1::TrainSummary* summary = event.mutable_summary();
  SetWeights(result.base, summary->mutable_base_weights());
  SetChoice(result.choice, summary->mutable_choice());
  SetScores(result.scores, summary->mutable_scores());
  summary->set_origins(result.origins);
  summary->set_seconds(seconds);
  summary->set_base_iterations(result.base_iterations);
  summary->set_interval_factor(result.interval_factor);
  SetSettings(result.settings, summary->mutable_settings());
  for (const model::FitTrial& trial : result.trials) {
    v1::FitTrial* message = summary->add_trials();
    SetSettings(trial.settings, message->mutable_settings());
    message->set_iterations(trial.iterations);
    message->set_loss(trial.loss);
  }
  summary->set_tuning_cpu_seconds(result.tuning_cpu_seconds);
  return event;
}

v1::TrainEvent AggregateEvent(const model::TrainedSeries& series) {
  v1::TrainEvent event;
  v1::AggregateModel* aggregate = event.mutable_aggregate();
  aggregate->set_aggregate_id(series.aggregate);
  SetChoice(series.choice, aggregate->mutable_choice());
  SetScores(series.scores, aggregate->mutable_scores());
  if (series.evidence.weight > 0) SetEvidence(series.evidence, aggregate->mutable_evidence());
  SetWeights(series.own, aggregate->mutable_own_weights());
  return event;
}

}  // namespace auspex
