#include "sidecar/registry/challenge_record.h"

#include <exception>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "absl/strings/str_cat.h"

namespace auspex {
namespace {

using Json = nlohmann::json;

ChallengeState StateFromName(const std::string& name) {
  for (const ChallengeState state :
       {ChallengeState::kRunning, ChallengeState::kPromoted, ChallengeState::kDropped}) {
    if (name == ChallengeStateName(state)) return state;
  }
  throw std::invalid_argument("\"" + name + "\" is no state of a challenge");
}

// JSON has no NaN: it is written as null.
double NumberOrNan(const Json& json) { return json.is_null() ? Missing() : json.get<double>(); }

}  // namespace

std::string ChallengeToJson(const Challenge& challenge) {
  const Json json = {{"version", challenge.version},
                     {"champion", challenge.champion},
                     {"started_at_ms", challenge.started_at_ms},
                     {"for_ms", challenge.for_ms},
                     {"state", ChallengeStateName(challenge.state)},
                     {"ended_at_ms", challenge.ended_at_ms},
                     {"reason", challenge.reason},
                     {"blocks", challenge.evidence.blocks},
                     {"log_ratio", challenge.evidence.log_ratio},
                     {"standard_error", challenge.evidence.standard_error}};
  return json.dump();
}

absl::StatusOr<Challenge> ChallengeFromJson(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    return Challenge{.version = json.at("version").get<uint64_t>(),
                     .champion = json.at("champion").get<uint64_t>(),
                     .started_at_ms = json.at("started_at_ms").get<TimestampMs>(),
                     .for_ms = json.at("for_ms").get<DurationMs>(),
                     .state = StateFromName(json.at("state").get<std::string>()),
                     .ended_at_ms = json.at("ended_at_ms").get<TimestampMs>(),
                     .reason = json.at("reason").get<std::string>(),
                     .evidence = {.blocks = json.at("blocks").get<int>(),
                                  .log_ratio = NumberOrNan(json.at("log_ratio")),
                                  .standard_error = NumberOrNan(json.at("standard_error"))}};
  } catch (const std::exception& error) {
    return absl::DataLossError(absl::StrCat("challenge: ", error.what()));
  }
}

}  // namespace auspex
