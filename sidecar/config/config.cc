#include "sidecar/config/config.h"

#include <yaml-cpp/yaml.h>

#include <utility>

#include "sidecar/base/file.h"
#include "sidecar/config/calendar_config.h"
#include "sidecar/config/endpoint_config.h"
#include "sidecar/config/name_checks.h"
#include "sidecar/config/rule_config.h"
#include "sidecar/config/yaml_reader.h"

namespace auspex {
namespace {

LabelSet ReadExternalLabels(const YamlValue& value) {
  std::vector<LabelSet::Label> labels;
  const YamlMap map(value, "external_labels");
  for (size_t i = 0; i < map.entries().size(); ++i) {
    const auto& [name, text] = map.entries()[i];
    if (absl::Status status = CheckOutputLabelName(name); !status.ok()) {
      value.report()->Error(map.place_of_key(i),
                            "external_labels: " + std::string(status.message()));
    }
    labels.emplace_back(name, text.Text().value_or(""));
  }
  return LabelSet(std::move(labels));
}

GlobalConfig ReadGlobal(const YamlValue& value) {
  GlobalConfig global;
  YamlMap map(value, "global");
  if (const auto labels = map.Find("external_labels")) {
    global.external_labels = ReadExternalLabels(*labels);
  }
  if (const auto timezone = map.Find("timezone")) {
    global.timezone_name = timezone->Text().value_or(global.timezone_name);
    auto zone = TimeZone::Load(global.timezone_name);
    if (zone.ok()) {
      global.timezone = std::make_shared<TimeZone>(*std::move(zone));
    } else {
      timezone->Error(std::string(zone.status().message()));
    }
  }
  if (const auto window = map.Find("out_of_order_window")) {
    global.out_of_order_window_ms =
        window->Duration(0, kDay).value_or(global.out_of_order_window_ms);
  }
  if (const auto calendar = map.Find("calendar")) global.special_days = ReadCalendar(*calendar);
  map.Finish();
  return global;
}

Config ReadConfig(const YamlValue& root) {
  Config config;
  YamlMap map(root, "the configuration");
  if (const auto global = map.Find("global")) config.global = ReadGlobal(*global);
  if (const auto upstream = map.Find("upstream")) config.upstream = ReadUpstream(*upstream);
  if (const auto writes = map.Find("remote_write")) config.remote_write = ReadRemoteWrites(*writes);
  if (const auto rules = map.Find("rules")) config.rules = ReadRules(*rules, config);
  map.Finish();
  if (config.rules.empty()) root.Warn("there are no rules: nothing will be forecast");
  return config;
}

}  // namespace

absl::StatusOr<Config> LoadConfig(const std::string& path) {
  const auto text = ReadFile(path);
  if (!text.ok()) return text.status();
  return ParseConfig(*text, path);
}

absl::StatusOr<Config> ParseConfig(std::string_view text, const std::string& filename) {
  YamlReport report(filename);
  Config config;
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
    if (documents.size() > 1) {
      report.Error(PlaceOf(documents[1].Mark()), "a configuration is one YAML document");
    } else {
      const bool blank = documents.empty() || documents[0].IsNull();
      const YAML::Node root = blank ? YAML::Node(YAML::NodeType::Map) : documents[0];
      config = ReadConfig(YamlValue(root, {1, 1}, &report));
    }
  } catch (const YAML::Exception& error) {
    report.Error(PlaceOf(error.mark), "not YAML: " + error.msg);
  }
  if (absl::Status status = report.status(); !status.ok()) return status;
  config.warnings = report.warnings();
  return config;
}

}  // namespace auspex
