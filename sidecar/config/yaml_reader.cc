#include "sidecar/config/yaml_reader.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sidecar/config/nearest_word.h"
#include "sidecar/core/duration.h"

namespace auspex {

YamlPlace PlaceOf(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

std::vector<std::string> YamlReport::Render(const Lines& lines) const {
  std::vector<std::string> rendered;
  for (const auto& [place, text] : lines) {
    rendered.push_back(filename_ + ':' + std::to_string(place.line) + ':' +
                       std::to_string(place.column) + ": " + text);
  }
  return rendered;
}

absl::Status YamlReport::status() const {
  if (errors_.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(Render(errors_), "\n"));
}

std::vector<std::string> YamlReport::warnings() const { return Render(warnings_); }

void YamlValue::WrongType(const std::string& wanted) const {
  const std::string found = node_.IsMap()        ? "a map"
                            : node_.IsSequence() ? "a list"
                            : node_.IsScalar()   ? '"' + node_.Scalar() + '"'
                                                 : "nothing";
  Error("want " + wanted + ", found " + found);
}

std::optional<std::string> YamlValue::Text() const {
  if (node_.IsScalar()) return node_.Scalar();
  WrongType("text");
  return std::nullopt;
}

std::optional<bool> YamlValue::Bool() const {
  if (node_.IsScalar() && node_.Scalar() == "true") return true;
  if (node_.IsScalar() && node_.Scalar() == "false") return false;
  WrongType("true or false");
  return std::nullopt;
}

std::optional<double> YamlValue::Number() const {
  double number = 0;
  if (node_.IsScalar() && absl::SimpleAtod(node_.Scalar(), &number) && std::isfinite(number)) {
    return number;
  }
  WrongType("a number");
  return std::nullopt;
}

std::optional<int64_t> YamlValue::Integer(int64_t min, int64_t max) const {
  int64_t number = 0;
  if (node_.IsScalar() && absl::SimpleAtoi(node_.Scalar(), &number) && number >= min &&
      number <= max) {
    return number;
  }
  WrongType("a whole number from " + std::to_string(min) + " to " + std::to_string(max));
  return std::nullopt;
}

std::optional<DurationMs> YamlValue::Duration(DurationMs min, DurationMs max) const {
  if (!node_.IsScalar()) {
    WrongType("a duration, like 5m");
    return std::nullopt;
  }
  const auto duration = ParseDuration(node_.Scalar());
  if (!duration.ok()) {
    Error(std::string(duration.status().message()));
    return std::nullopt;
  }
  if (*duration >= min && *duration <= max) return *duration;
  WrongType("a duration from " + FormatDuration(min) + " to " + FormatDuration(max));
  return std::nullopt;
}

std::optional<int> YamlValue::Percent(int min, int max) const {
  int percent = 0;
  std::string digits = node_.IsScalar() ? node_.Scalar() : "";
  const bool is_percent = digits.ends_with('%');
  if (is_percent) digits.pop_back();
  if (is_percent && absl::SimpleAtoi(digits, &percent) && percent >= min && percent <= max) {
    return percent;
  }
  WrongType("a percentage from " + std::to_string(min) + "% to " + std::to_string(max) + "%");
  return std::nullopt;
}

std::vector<YamlValue> YamlValue::Items() const {
  std::vector<YamlValue> items;
  if (!node_.IsSequence()) {
    WrongType("a list");
    return items;
  }
  for (const YAML::Node& item : node_) items.emplace_back(item, PlaceOf(item.Mark()), report_);
  return items;
}

YamlMap::YamlMap(const YamlValue& value, std::string what) : value_(value), what_(std::move(what)) {
  if (!value.IsMap()) {
    value.WrongType("a map for " + what_);
    return;
  }
  for (const auto& entry : value.node()) {
    const YamlPlace place = PlaceOf(entry.first.Mark());
    if (!entry.first.IsScalar()) {
      value.report()->Error(place, "a key of " + what_ + " is not text");
      continue;
    }
    const std::string& key = entry.first.Scalar();
    const auto same = [&](const auto& other) { return other.first == key; };
    const auto earlier = std::find_if(entries_.begin(), entries_.end(), same);
    if (earlier != entries_.end()) {
      const YamlPlace first = key_places_[static_cast<size_t>(earlier - entries_.begin())];
      value.report()->Error(place, "key \"" + key + "\" of " + what_ +
                                       " is given twice (first in line " +
                                       std::to_string(first.line) + ")");
      continue;
    }
    // An empty value has no place of its own.
    const YamlPlace value_place = entry.second.IsNull() ? place : PlaceOf(entry.second.Mark());
    entries_.emplace_back(key, YamlValue(entry.second, value_place, value.report()));
    key_places_.push_back(place);
  }
}

std::optional<YamlValue> YamlMap::Find(const std::string& key) {
  known_.push_back(key);
  for (const auto& [name, value] : entries_) {
    if (name != key) continue;
    if (!value.node().IsNull()) return value;
    value.Error("\"" + key + "\" of " + what_ + " has no value");
    return std::nullopt;
  }
  return std::nullopt;
}

std::optional<YamlValue> YamlMap::Require(const std::string& key) {
  const bool present = std::any_of(entries_.begin(), entries_.end(),
                                   [&](const auto& entry) { return entry.first == key; });
  if (!present && value_.IsMap()) Error("\"" + key + "\" is missing");
  return Find(key);
}

bool YamlMap::Text(const std::string& key, std::string* out) {
  const auto value = Find(key);
  auto text = value ? value->Text() : std::nullopt;
  if (!text) return false;
  *out = *std::move(text);
  return true;
}

bool YamlMap::Bool(const std::string& key, bool* out) {
  const auto value = Find(key);
  const auto flag = value ? value->Bool() : std::nullopt;
  if (flag) *out = *flag;
  return flag.has_value();
}

bool YamlMap::Duration(const std::string& key, DurationMs min, DurationMs* out) {
  const auto value = Find(key);
  const auto duration = value ? value->Duration(min, kDurationMax) : std::nullopt;
  if (duration) *out = *duration;
  return duration.has_value();
}

void YamlMap::Finish() {
  for (size_t i = 0; i < entries_.size(); ++i) {
    const std::string& key = entries_[i].first;
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    const std::string nearest = NearestWord(key, known_);
    const std::string hint = nearest.empty() ? "known: " + absl::StrJoin(known_, ", ")
                                             : "did you mean \"" + nearest + "\"?";
    value_.report()->Error(key_places_[i],
                           absl::StrCat("unknown key \"", key, "\" in ", what_, " (", hint, ")"));
  }
}

}  // namespace auspex
