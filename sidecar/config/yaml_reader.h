// Strict reading of YAML: knows the place of every value, the keys that a map may hold, and
// collects all mistakes instead of stopping at the first. Private to sidecar/config.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "sidecar/core/sample.h"

namespace auspex {

// A position in the file, counted from 1.
struct YamlPlace {
  int line = 0;
  int column = 0;
  auto operator<=>(const YamlPlace&) const = default;
};

YamlPlace PlaceOf(const YAML::Mark& mark);

// The mistakes and the warnings of one file.
class YamlReport {
 public:
  explicit YamlReport(std::string filename) : filename_(std::move(filename)) {}

  void Error(YamlPlace place, const std::string& text) { errors_.emplace(place, text); }
  void Warn(YamlPlace place, const std::string& text) { warnings_.emplace(place, text); }

  // InvalidArgument with one line per mistake, by place; OK when there is none.
  absl::Status status() const;
  std::vector<std::string> warnings() const;
  const std::string& filename() const { return filename_; }

 private:
  using Lines = std::multimap<YamlPlace, std::string>;
  std::vector<std::string> Render(const Lines& lines) const;

  std::string filename_;
  Lines errors_;
  Lines warnings_;
};

// One value and its place. The readers answer nothing after reporting a mistake.
class YamlValue {
 public:
  // `report` must outlive the value.
  YamlValue(const YAML::Node& node, YamlPlace place, YamlReport* report)
      : node_(node), place_(place), report_(report) {}

  bool IsMap() const { return node_.IsMap(); }
  bool IsScalar() const { return node_.IsScalar(); }

  std::optional<std::string> Text() const;
  std::optional<bool> Bool() const;
  std::optional<double> Number() const;  // finite
  std::optional<int64_t> Integer(int64_t min, int64_t max) const;
  std::optional<DurationMs> Duration(DurationMs min, DurationMs max) const;
  std::optional<int> Percent(int min, int max) const;  // "25%" is 25
  std::vector<YamlValue> Items() const;                // of a sequence

  void Error(const std::string& text) const { report_->Error(place_, text); }
  void Warn(const std::string& text) const { report_->Warn(place_, text); }
  // Reports that something else was found than `wanted`.
  void WrongType(const std::string& wanted) const;

  const YAML::Node& node() const { return node_; }
  YamlPlace place() const { return place_; }
  YamlReport* report() const { return report_; }

 private:
  YAML::Node node_;
  YamlPlace place_;
  YamlReport* report_;
};

// The longest duration that a configuration may hold.
inline constexpr DurationMs kDurationMax = 3650 * kDay;

// A map whose keys are known to the reader. Each key that is asked for counts as known.
class YamlMap {
 public:
  // `what` names the map in messages: `remote_write[0]`. Reports duplicate keys, keys that are not
  // text, and a value that is no map.
  YamlMap(const YamlValue& value, std::string what);

  // Nothing when the key is absent, or (reported) has no value.
  std::optional<YamlValue> Find(const std::string& key);
  // Reports an absent key, too.
  std::optional<YamlValue> Require(const std::string& key);

  // These leave *out as it is when the key is absent or wrong; true when they set it.
  bool Text(const std::string& key, std::string* out);
  bool Bool(const std::string& key, bool* out);
  bool Duration(const std::string& key, DurationMs min, DurationMs* out);
  template <typename Int>
  bool Integer(const std::string& key, int64_t min, int64_t max, Int* out) {
    const auto value = Find(key);
    const auto number = value ? value->Integer(min, max) : std::nullopt;
    if (number) *out = static_cast<Int>(*number);
    return number.has_value();
  }

  // Reports every key that was not asked for, with the nearest known one.
  void Finish();

  // In the order of the file, for maps that may hold any key.
  const std::vector<std::pair<std::string, YamlValue>>& entries() const { return entries_; }
  YamlPlace place_of_key(size_t entry) const { return key_places_[entry]; }
  void Error(const std::string& text) const { value_.Error(what_ + ": " + text); }

 private:
  YamlValue value_;
  std::string what_;
  std::vector<std::pair<std::string, YamlValue>> entries_;
  std::vector<YamlPlace> key_places_;  // of each entry
  std::vector<std::string> known_;
};

}  // namespace auspex
