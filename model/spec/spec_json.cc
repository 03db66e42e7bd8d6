#include "model/spec/spec_json.h"

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace auspex::model {
namespace {

using Json = nlohmann::json;

absl::Status Bad(std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("model spec: ", std::string(what)));
}

// Throws what nlohmann throws when a key is missing or of the wrong type.
ModelSpec ReadFields(const Json& json, std::string* cell) {
  ModelSpec spec;
  json.at("cell").get_to(*cell);
  json.at("hidden").get_to(spec.hidden);
  json.at("layers").get_to(spec.layers);
  json.at("decoder_width").get_to(spec.decoder_width);
  json.at("step_ms").get_to(spec.step_ms);
  json.at("horizon_steps").get_to(spec.horizon_steps);
  json.at("context_steps").get_to(spec.context_steps);
  json.at("utc_offset_minutes").get_to(spec.utc_offset_minutes);
  json.at("quantiles").get_to(spec.quantiles);
  if (json.contains("covariates")) json.at("covariates").get_to(spec.covariates);
  if (json.contains("special_days")) json.at("special_days").get_to(spec.special_days);
  spec.members = json.value("members", 1);
  spec.features_version = json.value("features_version", 1);
  return spec;
}

}  // namespace

std::string SpecToJson(const ModelSpec& spec) {
  Json json{{"cell", std::string(CellName(spec.cell))},
            {"hidden", spec.hidden},
            {"layers", spec.layers},
            {"decoder_width", spec.decoder_width},
            {"step_ms", spec.step_ms},
            {"horizon_steps", spec.horizon_steps},
            {"context_steps", spec.context_steps},
            {"utc_offset_minutes", spec.utc_offset_minutes},
            {"quantiles", spec.quantiles}};
  if (!spec.covariates.empty()) json["covariates"] = spec.covariates;
  if (!spec.special_days.empty()) json["special_days"] = spec.special_days;
  if (spec.members > 1) json["members"] = spec.members;
  if (spec.features_version > 1) json["features_version"] = spec.features_version;
  return json.dump();
}

absl::StatusOr<ModelSpec> SpecFromJson(std::string_view json) {
  ModelSpec spec;
  try {
    const Json object = Json::parse(json);
    std::string cell;
    spec = ReadFields(object, &cell);
    absl::StatusOr<Cell> parsed = ParseCell(cell);
    if (!parsed.ok()) return parsed.status();
    spec.cell = *parsed;
    // The way back finds unknown keys and numbers that an int cannot hold.
    if (Json::parse(SpecToJson(spec)) != object) {
      return Bad("the JSON has an unknown key or a number out of range");
    }
  } catch (const Json::exception& error) {
    return Bad(error.what());
  }
  if (absl::Status status = spec.Validate(); !status.ok()) return status;
  return spec;
}

}  // namespace auspex::model
