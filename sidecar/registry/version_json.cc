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

AggregateId AggregateFromKey(const std::string& key) {
  uint32_t id = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
  if (error != std::errc() || end != key.data() + key.size()) {
    throw std::invalid_argument("\"" + key + "\" is not an aggregate id");
  }
  return AggregateId{id};
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
  models.seconds = json.at("seconds").get<double>();
  models.trained_at_ms = json.at("trained_at_ms").get<TimestampMs>();
  for (const auto& [key, aggregate] : json.at("aggregates").items()) {
    models.aggregates.push_back({.aggregate = AggregateFromKey(key),
                                 .choice = ChoiceFromJson(aggregate.at("choice")),
                                 .scores = ScoresFromJson(aggregate.at("scores")),
                                 .own = {}});
  }
  return version;
}

}  // namespace

std::string VersionToJson(const std::string& rule, const TrainedModels& models) {
  Json aggregates = Json::object();
  for (const TrainedAggregate& aggregate : models.aggregates) {
    aggregates[std::to_string(static_cast<uint32_t>(aggregate.aggregate))] = {
        {"choice", ChoiceToJson(aggregate.choice)}, {"scores", ScoresToJson(aggregate.scores)}};
  }
  const Json json = {{"rule", rule},
                     {"spec", Json::parse(model::SpecToJson(models.spec))},
                     {"choice", ChoiceToJson(models.choice)},
                     {"scores", ScoresToJson(models.scores)},
                     {"origins", models.origins},
                     {"base_iterations", models.base_iterations},
                     {"seconds", models.seconds},
                     {"trained_at_ms", models.trained_at_ms},
                     {"aggregates", std::move(aggregates)}};
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

}  // namespace auspex
