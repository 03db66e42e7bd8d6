#include "sidecar/trainer/trainer_codec.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sidecar/core/calibration.h"

namespace auspex {
namespace {

constexpr size_t kNameBytesMax = 64;
constexpr int kScoresMax = 64;
constexpr int kTrialsMax = 10'000;

absl::Status Garbage(const std::string& what) {
  return absl::DataLossError(absl::StrCat("the trainer's answer makes no sense: ", what));
}

absl::StatusOr<ModelChoice> ChoiceFromMessage(const v1::GateChoice& message) {
  const model::Blend blend{message.network(), message.seasonal_naive(), message.last()};
  const auto is_part = [](float part) { return part >= 0 && part <= 1; };
  const bool sums_to_one = std::abs(blend.network + blend.seasonal_naive + blend.last - 1) < 1e-3F;
  if (!is_part(blend.network) || !is_part(blend.seasonal_naive) || !is_part(blend.last) ||
      !sums_to_one) {
    return Garbage("the parts of a choice are not shares");
  }
  if (message.candidate().empty() || message.candidate().size() > kNameBytesMax) {
    return Garbage("a choice has no name, or a very long one");
  }
  return ModelChoice{.candidate = message.candidate(), .own = message.own(), .blend = blend};
}

absl::StatusOr<std::vector<ModelScore>> ScoresFromMessages(
    const google::protobuf::RepeatedPtrField<v1::CandidateScore>& messages) {
  if (messages.size() > kScoresMax) return Garbage("too many scores");
  std::vector<ModelScore> scores;
  for (const v1::CandidateScore& message : messages) {
    if (message.candidate().size() > kNameBytesMax) return Garbage("a score has a very long name");
    scores.push_back({message.candidate(), message.mae(), message.pinball()});
  }
  return scores;
}

// Some trainer will be given it back.
absl::StatusOr<ModelEvidence> EvidenceFromMessage(const v1::GateEvidence& message) {
  if (!std::isfinite(message.weight()) || message.weight() < 0) {
    return Garbage("evidence with a weight that is none");
  }
  if (message.candidates_size() > kScoresMax) return Garbage("evidence of too many candidates");
  ModelEvidence evidence{.weight = message.weight(), .candidates = {}};
  for (const v1::CandidateErrors& errors : message.candidates()) {
    if (errors.candidate().size() > kNameBytesMax) {
      return Garbage("evidence of a candidate with a very long name");
    }
    if (errors.mean() < 0 || errors.typical() < 0) return Garbage("evidence of a negative error");
    evidence.candidates.push_back({errors.candidate(), errors.mean(), errors.typical()});
  }
  return evidence;
}

void SetEvidence(const ModelEvidence& evidence, v1::GateEvidence* message) {
  message->set_weight(evidence.weight);
  for (const CandidateErrors& errors : evidence.candidates) {
    v1::CandidateErrors* candidate = message->add_candidates();
    candidate->set_candidate(errors.candidate);
    candidate->set_mean(errors.mean);
    candidate->set_typical(errors.typical);
  }
}

absl::StatusOr<model::Weights> WeightsFromMessage(
    const model::ModelSpec& spec, const google::protobuf::RepeatedField<float>& message) {
  auto weights = model::Weights::FromVector(std::vector<float>(message.begin(), message.end()));
  if (absl::Status fits = model::CheckWeights(spec, weights); !fits.ok()) {
    return Garbage(std::string(fits.message()));
  }
  return weights;
}

void SetSettings(const model::FitSettings& settings, v1::FitSettings* message) {
  message->set_learning_rate(settings.learning_rate);
  message->set_encoder_dropout(settings.encoder_dropout);
  message->set_weight_decay(settings.weight_decay);
}

// Some trainer will be given them back: only what a fit can use is let in.
absl::StatusOr<model::FitSettings> SettingsFromMessage(const v1::FitSettings& message) {
  const model::FitSettings settings{.learning_rate = message.learning_rate(),
                                    .encoder_dropout = message.encoder_dropout(),
                                    .weight_decay = message.weight_decay()};
  const bool sane = settings.learning_rate > 0 && settings.learning_rate <= 1 &&
                    settings.encoder_dropout >= 0 && settings.encoder_dropout < 1 &&
                    settings.weight_decay >= 0 && settings.weight_decay <= 1;
  if (!sane) return Garbage("settings of a fit are out of range");
  return settings;
}

// A trainer that knows of no factor leaves the intervals as they are.
absl::StatusOr<double> IntervalFactorFromMessage(const v1::TrainSummary& message) {
  const double factor = message.interval_factor();
  if (factor == 0) return 1;
  if (factor >= kFactorMin && factor <= kFactorMax) return factor;
  return Garbage("an interval factor that is out of range");
}

absl::StatusOr<std::vector<model::FitTrial>> TrialsFromMessages(
    const google::protobuf::RepeatedPtrField<v1::FitTrial>& messages) {
  if (messages.size() > kTrialsMax) return Garbage("too many trials");
  std::vector<model::FitTrial> trials;
  for (const v1::FitTrial& message : messages) {
    const auto settings = SettingsFromMessage(message.settings());
    if (!settings.ok()) return settings.status();
    trials.push_back(
        {.settings = *settings, .iterations = message.iterations(), .loss = message.loss()});
  }
  return trials;
}

}  // namespace

v1::TrainRequest HeaderRequest(const TrainingJob& job) {
  v1::TrainRequest request;
  v1::TrainHeader* header = request.mutable_header();
  header->set_rule(job.rule);
  header->set_seed(job.seed);
  header->set_per_aggregate(job.per_aggregate);
  header->set_aggregates(static_cast<int>(job.aggregates.size()));
  header->set_own_steps_min(job.own_steps_min);
  header->set_seconds_max(job.seconds_max);
  header->set_cpu_share(job.cpu_share);
  SetSettings(job.settings, header->mutable_settings());
  header->set_tuning_trials(job.tuning_trials);
  header->set_tuning_cpu_seconds_max(job.tuning_cpu_seconds_max);
  v1::ModelSpec* spec = header->mutable_spec();
  spec->set_cell(std::string(model::CellName(job.spec.cell)));
  spec->set_hidden(job.spec.hidden);
  spec->set_layers(job.spec.layers);
  spec->set_decoder_width(job.spec.decoder_width);
  spec->set_step_ms(job.spec.step_ms);
  spec->set_horizon_steps(job.spec.horizon_steps);
  spec->set_context_steps(job.spec.context_steps);
  spec->set_utc_offset_minutes(job.spec.utc_offset_minutes);
  spec->mutable_quantiles()->Assign(job.spec.quantiles.begin(), job.spec.quantiles.end());
  spec->mutable_covariates()->Assign(job.spec.covariates.begin(), job.spec.covariates.end());
  spec->mutable_special_days()->Assign(job.spec.special_days.begin(), job.spec.special_days.end());
  spec->set_features_version(job.spec.features_version);
  spec->set_members(job.spec.members);
  return request;
}

v1::TrainRequest SeriesRequest(const TrainingJob& job, AggregateId aggregate,
                               const TrainingSeries& series) {
  v1::TrainRequest request;
  v1::TrainSeries* message = request.mutable_series();
  message->set_aggregate_id(static_cast<uint32_t>(aggregate));
  message->set_first_ms(series.first_ms);
  message->mutable_values()->Assign(series.values.begin(), series.values.end());
  message->mutable_covariates()->Assign(series.covariates.begin(), series.covariates.end());
  if (const auto evidence = job.evidence.find(aggregate); evidence != job.evidence.end()) {
    SetEvidence(evidence->second, message->mutable_evidence());
  }
  return request;
}

TrainingProgress ProgressFromMessage(const v1::TrainProgress& message) {
  const double fraction = message.fraction();
  return {.stage = message.stage().substr(0, kNameBytesMax),
          .fraction = fraction >= 0 ? std::min(1.0, fraction) : 0,
          .loss = message.loss()};
}

TrainedModelsBuilder::TrainedModelsBuilder(const TrainingJob& job)
    : job_(job), missing_(job.aggregates.begin(), job.aggregates.end()) {
  models_.spec = job.spec;
}

absl::Status TrainedModelsBuilder::AddSummary(const v1::TrainSummary& message) {
  if (has_summary_) return Garbage("two summaries");
  has_summary_ = true;
  auto base = WeightsFromMessage(job_.spec, message.base_weights());
  if (!base.ok()) return base.status();
  auto choice = ChoiceFromMessage(message.choice());
  if (!choice.ok()) return choice.status();
  auto scores = ScoresFromMessages(message.scores());
  if (!scores.ok()) return scores.status();
  // A trainer that knows of no settings has fitted with its own defaults.
  if (message.has_settings()) {
    const auto settings = SettingsFromMessage(message.settings());
    if (!settings.ok()) return settings.status();
    models_.settings = *settings;
  }
  auto trials = TrialsFromMessages(message.trials());
  if (!trials.ok()) return trials.status();
  const auto factor = IntervalFactorFromMessage(message);
  if (!factor.ok()) return factor.status();
  models_.trials = *std::move(trials);
  models_.tuning_cpu_seconds = message.tuning_cpu_seconds();
  models_.base = *std::move(base);
  models_.choice = *std::move(choice);
  models_.scores = *std::move(scores);
  models_.origins = message.origins();
  models_.seconds = message.seconds();
  models_.base_iterations = message.base_iterations();
  models_.interval_factor = *factor;
  return absl::OkStatus();
}

absl::Status TrainedModelsBuilder::AddAggregate(const v1::AggregateModel& message) {
  if (!has_summary_) return Garbage("an aggregate before the summary");
  const AggregateId id{message.aggregate_id()};
  if (missing_.erase(id) == 0) {
    return Garbage(absl::StrCat("aggregate ", message.aggregate_id(),
                                " is not in the job, or was answered twice"));
  }
  TrainedAggregate aggregate{
      .aggregate = id, .choice = {}, .scores = {}, .evidence = {}, .own = {}};
  auto choice = ChoiceFromMessage(message.choice());
  if (!choice.ok()) return choice.status();
  auto scores = ScoresFromMessages(message.scores());
  if (!scores.ok()) return scores.status();
  aggregate.choice = *std::move(choice);
  aggregate.scores = *std::move(scores);
  auto evidence = EvidenceFromMessage(message.evidence());
  if (!evidence.ok()) return evidence.status();
  aggregate.evidence = *std::move(evidence);
  if (aggregate.choice.own) {
    auto own = WeightsFromMessage(job_.spec, message.own_weights());
    if (!own.ok()) return own.status();
    aggregate.own = *std::move(own);
  }
  models_.aggregates.push_back(std::move(aggregate));
  return absl::OkStatus();
}

absl::StatusOr<TrainedModels> TrainedModelsBuilder::Finish() && {
  if (!has_summary_) return Garbage("no summary");
  if (!missing_.empty()) {
    return Garbage(absl::StrCat(missing_.size(), " aggregates were not answered"));
  }
  return std::move(models_);
}

}  // namespace auspex
