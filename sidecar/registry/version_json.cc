#include "sidecar/registry/version_json.h"

#include <charconv>
#include <cstdint>
#include <exception>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "model/spec/spec_json.h"

namespace auspex {
namespace {

using Json = nlohmann::json;

Json ChoiceToJson(const ModelChoice& choice) {
  return {{"candidate", choice.candidate},
          {"own", choice.own},
          {"network", choice.blend.network},
          {"seasonal_naive", choice.blend.seasonal_naive},
          {"last", choice.blend.last}};
}

ModelChoice ChoiceFromJson(const Json& json) {
  return {.candidate = json.at("candidate").get<std::string>(),
          .own = json.at("own").get<bool>(),
          .blend = {.network = json.at("network").get<float>(),
                    .seasonal_naive = json.at("seasonal_naive").get<float>(),
                    .last = json.at("last").get<float>()}};
}

Json ScoresToJson(const std::vector<ModelScore>& scores) {
  Json list = Json::array();
  for (const ModelScore& score : scores) {
    list.push_back(
        {{"candidate", score.candidate}, {"mae", score.mae}, {"pinball", score.pinball}});
  }
  return list;
}

// JSON has no NaN: it is written as null.
double NumberOrNan(const Json& json) {
  return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

std::vector<ModelScore> ScoresFromJson(const Json& json) {
  std::vector<ModelScore> scores;
  for (const Json& score : json) {
    scores.push_back({.candidate = score.at("candidate").get<std::string>(),
                      .mae = NumberOrNan(score.at("mae")),
                      .pinball = NumberOrNan(score.at("pinball"))});
  }
  return scores;
}

std::string KeyOf(AggregateId aggregate) {
  return std::to_string(static_cast<uint32_t>(aggregate));
}

AggregateId AggregateFromKey(const std::string& key) {
  uint32_t id = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
  if (error != std::errc() || end != key.data() + key.size()) {
    throw std::invalid_argument("\"" + key + "\" is not an aggregate id");
  }
  return AggregateId{id};
}

Json SettingsToJson(const model::FitSettings& settings) {
  return {{"learning_rate", settings.learning_rate},
          {"encoder_dropout", settings.encoder_dropout},
          {"weight_decay", settings.weight_decay}};
}

model::FitSettings SettingsFromJson(const Json& json) {
  return {.learning_rate = json.at("learning_rate").get<double>(),
          .encoder_dropout = json.at("encoder_dropout").get<double>(),
          .weight_decay = json.at("weight_decay").get<double>()};
}

Json TuningToJson(const TrainedModels& models) {
  Json trials = Json::array();
  for (const model::FitTrial& trial : models.trials) {
    trials.push_back({{"settings", SettingsToJson(trial.settings)},
                      {"iterations", trial.iterations},
                      {"loss", trial.loss}});
  }
  return {{"cpu_seconds", models.tuning_cpu_seconds}, {"trials", std::move(trials)}};
}

void ReadTuning(const Json& json, TrainedModels* models) {
  models->tuning_cpu_seconds = json.at("cpu_seconds").get<double>();
  for (const Json& trial : json.at("trials")) {
    models->trials.push_back({.settings = SettingsFromJson(trial.at("settings")),
                              .iterations = trial.at("iterations").get<int>(),
                              .loss = NumberOrNan(trial.at("loss"))});
  }
}

ModelEvidence ParseEvidence(const Json& json) {
  ModelEvidence evidence{.weight = json.at("weight").get<double>(), .candidates = {}};
  for (const Json& errors : json.at("candidates")) {
    evidence.candidates.push_back({.candidate = errors.at(0).get<std::string>(),
                                   .mean = NumberOrNan(errors.at(1)),
                                   .typical = NumberOrNan(errors.at(2))});
  }
  return evidence;
}

VersionJson Parse(const Json& json) {
  auto spec = model::SpecFromJson(json.at("spec").dump());
  if (!spec.ok()) throw std::invalid_argument(std::string(spec.status().message()));
  VersionJson version;
  version.rule = json.at("rule").get<std::string>();
  TrainedModels& models = version.models;
  models.spec = *std::move(spec);
  models.choice = ChoiceFromJson(json.at("choice"));
  models.scores = ScoresFromJson(json.at("scores"));
  models.origins = json.at("origins").get<int>();
  models.base_iterations = json.at("base_iterations").get<int>();
  // Absent in versions that were written before there were such.
  models.interval_factor = json.value("interval_factor", 1.0);
  if (json.contains("settings")) models.settings = SettingsFromJson(json.at("settings"));
  if (json.contains("tuning")) ReadTuning(json.at("tuning"), &models);
  models.seconds = json.at("seconds").get<double>();
  models.trained_at_ms = json.at("trained_at_ms").get<TimestampMs>();
  for (const auto& [key, aggregate] : json.at("aggregates").items()) {
    models.aggregates.push_back({.aggregate = AggregateFromKey(key),
                                 .choice = ChoiceFromJson(aggregate.at("choice")),
                                 .scores = ScoresFromJson(aggregate.at("scores")),
                                 .evidence = {},
                                 .own = {}});
  }
  return version;
}

}  // namespace

std::string VersionToJson(const std::string& rule, const TrainedModels& models) {
  Json aggregates = Json::object();
  for (const TrainedAggregate& aggregate : models.aggregates) {
    aggregates[KeyOf(aggregate.aggregate)] = {{"choice", ChoiceToJson(aggregate.choice)},
                                              {"scores", ScoresToJson(aggregate.scores)}};
  }
  Json json = {{"rule", rule},
               {"spec", Json::parse(model::SpecToJson(models.spec))},
               {"choice", ChoiceToJson(models.choice)},
               {"scores", ScoresToJson(models.scores)},
               {"origins", models.origins},
               {"base_iterations", models.base_iterations},
               {"interval_factor", models.interval_factor},
               {"settings", SettingsToJson(models.settings)},
               {"seconds", models.seconds},
               {"trained_at_ms", models.trained_at_ms},
               {"aggregates", std::move(aggregates)}};
  if (!models.trials.empty()) json["tuning"] = TuningToJson(models);
  // A rule's name may hold bytes that are not UTF-8; the directory's name keeps them exactly.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<VersionJson> VersionFromJson(std::string_view json) {
  try {
    return Parse(Json::parse(json));
  } catch (const std::exception& error) {
    return absl::DataLossError(absl::StrCat("metadata: ", error.what()));
  }
}

std::string EvidenceToJson(const TrainedModels& models) {
  Json json = Json::object();
  for (const TrainedAggregate& aggregate : models.aggregates) {
    if (!(aggregate.evidence.weight > 0)) continue;
    Json candidates = Json::array();
    for (const CandidateErrors& errors : aggregate.evidence.candidates) {
      candidates.push_back({errors.candidate, errors.mean, errors.typical});
    }
    json[KeyOf(aggregate.aggregate)] = {{"weight", aggregate.evidence.weight},
                                        {"candidates", std::move(candidates)}};
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<EvidenceByAggregate> EvidenceFromJson(std::string_view json) {
  try {
    const Json document = Json::parse(json);
    EvidenceByAggregate evidence;
    for (const auto& [key, aggregate] : document.items()) {
      evidence.emplace(AggregateFromKey(key), ParseEvidence(aggregate));
    }
    return evidence;
  } catch (const std::exception& error) {
    return absl::DataLossError(absl::StrCat("evidence: ", error.what()));
  }
}

}  // namespace auspex
