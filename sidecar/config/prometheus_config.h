// What we need to know of our Prometheus' own configuration file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sidecar/core/label_set.h"

namespace auspex {

struct PrometheusConfig {
  struct RelabelDrop {
    std::vector<std::string> source_labels;
    std::string regex;
  };
  struct RemoteWrite {
    std::string url;
    std::vector<RelabelDrop> drops;  // write_relabel_configs with action drop
    bool retry_on_http_429 = false;
  };
  struct RemoteRead {
    std::string url;
    bool read_recent = false;
    std::vector<std::pair<std::string, std::string>> required_matchers;
    std::string remote_timeout = "1m";  // Prometheus' default
  };

  LabelSet external_labels;
  std::vector<RemoteWrite> remote_write;
  std::vector<RemoteRead> remote_read;
};

// From the YAML of /api/v1/status/config. InvalidArgument when it is not YAML.
absl::StatusOr<PrometheusConfig> ParsePrometheusConfig(std::string_view yaml);

}  // namespace auspex
