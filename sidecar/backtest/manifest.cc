#include "sidecar/backtest/manifest.h"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "sidecar/base/file.h"
#include "sidecar/core/date.h"

namespace auspex {
namespace {

using nlohmann::json;

constexpr int64_t kStepSecondsMax = 24 * 3600;
constexpr int64_t kStepsMax = 1'000'000;
// Times beyond this are none: arithmetic on what is inside cannot overflow.
constexpr int64_t kTimestampMax = int64_t{1} << 53;

// Reads the keys of one object. Throws std::invalid_argument that names the key.
class KeyReader {
 public:
  explicit KeyReader(const json& object, std::string prefix = "")
      : object_(object), prefix_(std::move(prefix)) {
    if (!object.is_object()) Fail("", "must be an object");
  }

  bool Has(const char* key) const { return object_.contains(key); }

  const json& At(const char* key) const {
    if (!Has(key)) Fail(key, "is missing");
    return object_[key];
  }

  int64_t Integer(const char* key, int64_t min, int64_t max) const {
    return ToInteger(key, At(key), min, max);
  }

  int64_t IntegerOr(const char* key, int64_t otherwise, int64_t min, int64_t max) const {
    return Has(key) ? Integer(key, min, max) : otherwise;
  }

  std::string StringOr(const char* key, std::string otherwise) const {
    if (!Has(key)) return otherwise;
    if (!At(key).is_string()) Fail(key, "must be a string");
    return At(key).get<std::string>();
  }

  // Ascending.
  std::vector<int64_t> Integers(const char* key, int64_t min, int64_t max) const {
    if (!At(key).is_array()) Fail(key, "must be a list");
    std::vector<int64_t> values;
    for (const json& value : At(key)) values.push_back(ToInteger(key, value, min, max));
    std::sort(values.begin(), values.end());
    return values;
  }

  std::vector<std::string> Strings(const char* key) const {
    std::vector<std::string> values;
    if (!At(key).is_array()) Fail(key, "must be a list of strings");
    for (const json& value : At(key)) {
      if (!value.is_string()) Fail(key, "must be a list of strings");
      values.push_back(value.get<std::string>());
    }
    return values;
  }

  KeyReader Object(const char* key) const {
    return KeyReader(At(key), absl::StrCat(prefix_, key, "."));
  }
  const json& object() const { return object_; }

  [[noreturn]] void Fail(const std::string& key, const std::string& what) const {
    throw std::invalid_argument(absl::StrCat("\"", prefix_, key, "\" ", what));
  }

 private:
  int64_t ToInteger(const char* key, const json& value, int64_t min, int64_t max) const {
    if (!value.is_number()) Fail(key, "must be a whole number");
    const double number = value.get<double>();
    if (!(number >= static_cast<double>(min) && number <= static_cast<double>(max))) {
      Fail(key, absl::StrCat("must be between ", min, " and ", max));
    }
    if (number != static_cast<double>(static_cast<int64_t>(number))) {
      Fail(key, "must be a whole number");
    }
    return static_cast<int64_t>(number);
  }

  const json& object_;
  std::string prefix_;
};

void ReadSteps(const KeyReader& keys, BacktestManifest* manifest) {
  const int64_t step = keys.Integer("step_seconds", 1, kStepSecondsMax);
  const int64_t score_step = keys.IntegerOr("score_step_seconds", step, 1, kStepSecondsMax);
  if (score_step % step != 0) keys.Fail("score_step_seconds", "must be a multiple of step_seconds");
  manifest->step_ms = step * kSecond;
  manifest->score_step_ms = score_step * kSecond;
  manifest->horizon_steps = static_cast<int>(keys.Integer("horizon_steps", 1, kStepsMax));
  manifest->mase_season_steps = static_cast<int>(keys.Integer("mase_season_steps", 1, kStepsMax));
  manifest->min_history_points = static_cast<int>(
      keys.IntegerOr("min_history_points", 2 * manifest->mase_season_steps, 0, kStepsMax));
  if (!keys.Has("season_steps")) return;
  for (int64_t steps : keys.Integers("season_steps", 2, kStepsMax)) {
    manifest->season_steps.push_back(static_cast<int>(steps));
  }
}

void ReadOrigins(const KeyReader& keys, BacktestManifest* manifest) {
  const auto times = [](const KeyReader& of, const char* key) {
    return of.Integers(key, -kTimestampMax, kTimestampMax);
  };
  if (keys.Has("origins_by_labels")) {
    const KeyReader by_labels = keys.Object("origins_by_labels");
    for (const auto& [labels, origins] : by_labels.object().items()) {
      manifest->origins_by_labels[labels] = times(by_labels, labels.c_str());
    }
  }
  if (keys.Has("origins_ms") || manifest->origins_by_labels.empty()) {
    manifest->origins_ms = times(keys, "origins_ms");
  }
  if (!keys.Has("alert")) return;
  const KeyReader alert = keys.Object("alert");
  manifest->alert_origins_ms = times(alert, "origins_ms");
  manifest->alert_horizon_ms = alert.Integer("horizon_seconds", 1, kStepSecondsMax * 365) * kSecond;
}

void ReadCalendar(const KeyReader& calendar, BacktestManifest* manifest) {
  std::set<int> days;
  for (const std::string& text : calendar.Strings("days")) {
    const auto day = ParseDate(text);
    if (!day.ok()) calendar.Fail("days", "must be a list of dates, like 2026-12-25");
    days.insert(*day);
  }
  manifest->special_days.assign(days.begin(), days.end());
}

BacktestManifest Parse(const json& object) {
  const KeyReader keys(object);
  if (keys.StringOr("task", "forecast") != "forecast") {
    keys.Fail("task", "is not \"forecast\": there is nothing to forecast");
  }
  BacktestManifest manifest;
  manifest.name = keys.StringOr("name", "");
  ReadSteps(keys, &manifest);
  ReadOrigins(keys, &manifest);
  const std::vector<std::string> scored = keys.Strings("scored_metrics");
  if (scored.empty()) keys.Fail("scored_metrics", "must be a list of metric names");
  manifest.scored_metrics.insert(scored.begin(), scored.end());
  if (keys.Has("covariates")) manifest.covariates = keys.Strings("covariates");
  if (keys.Has("calendar")) ReadCalendar(keys.Object("calendar"), &manifest);
  manifest.time_of_day_known = keys.StringOr("time_of_day", "known") != "unknown";
  manifest.truth_file = keys.StringOr("truth_file", "");
  return manifest;
}

}  // namespace

const std::vector<TimestampMs>& BacktestManifest::OriginsOf(std::string_view labels) const {
  static const std::vector<TimestampMs> kNoOrigins;
  if (origins_by_labels.empty()) return origins_ms;
  const auto it = origins_by_labels.find(labels);
  return it != origins_by_labels.end() ? it->second : kNoOrigins;
}

absl::StatusOr<BacktestManifest> ReadManifest(const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  try {
    return Parse(json::parse(*text));
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", error.what()));
  }
}

}  // namespace auspex
