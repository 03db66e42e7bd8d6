#include "sidecar/config/prometheus_config.h"

#include <yaml-cpp/yaml.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace auspex {
namespace {

std::string Text(const YAML::Node& node, const std::string& fallback = "") {
  return node && node.IsScalar() ? node.Scalar() : fallback;
}

// node[key], and an undefined node where `node` is no map: yaml-cpp would throw.
YAML::Node Child(const YAML::Node& node, const char* key) {
  return node && node.IsMap() ? node[key] : YAML::Node(YAML::NodeType::Undefined);
}

bool Flag(const YAML::Node& node) { return Text(node) == "true"; }

PrometheusConfig::RemoteWrite ParseRemoteWrite(const YAML::Node& node) {
  PrometheusConfig::RemoteWrite write;
  write.url = Text(Child(node, "url"));
  write.retry_on_http_429 = Flag(Child(Child(node, "queue_config"), "retry_on_http_429"));
  for (const YAML::Node& relabel : Child(node, "write_relabel_configs")) {
    if (Text(Child(relabel, "action")) != "drop") continue;
    PrometheusConfig::RelabelDrop drop;
    for (const YAML::Node& label : Child(relabel, "source_labels"))
      drop.source_labels.push_back(Text(label));
    drop.regex = Text(Child(relabel, "regex"), "(.*)");
    write.drops.push_back(std::move(drop));
  }
  return write;
}

PrometheusConfig::RemoteRead ParseRemoteRead(const YAML::Node& node) {
  PrometheusConfig::RemoteRead read;
  read.url = Text(Child(node, "url"));
  read.read_recent = Flag(Child(node, "read_recent"));
  read.remote_timeout = Text(Child(node, "remote_timeout"), read.remote_timeout);
  for (const auto& matcher : Child(node, "required_matchers")) {
    read.required_matchers.emplace_back(Text(matcher.first), Text(matcher.second));
  }
  return read;
}

}  // namespace

absl::StatusOr<PrometheusConfig> ParsePrometheusConfig(std::string_view yaml) {
  PrometheusConfig config;
  try {
    const YAML::Node root = YAML::Load(std::string(yaml));
    if (!root.IsMap()) return config;
    std::vector<LabelSet::Label> labels;
    for (const auto& label : Child(Child(root, "global"), "external_labels")) {
      labels.emplace_back(Text(label.first), Text(label.second));
    }
    config.external_labels = LabelSet(std::move(labels));
    for (const YAML::Node& node : Child(root, "remote_write")) {
      config.remote_write.push_back(ParseRemoteWrite(node));
    }
    for (const YAML::Node& node : Child(root, "remote_read")) {
      config.remote_read.push_back(ParseRemoteRead(node));
    }
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("Prometheus' configuration is not YAML: ", error.what()));
  }
  return config;
}

}  // namespace auspex
