// What can be missing on the Prometheus side, from what Prometheus says of itself.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sidecar/config/prometheus_config.h"

namespace auspex {

// What `auspex doctor` knows of the upstream.
struct UpstreamFacts {
  std::string version;  // "3.5.3"
  PrometheusConfig config;
  std::map<std::string, std::string> flags;  // of the command line, all of them
  bool write_back = false;                   // a remote_write of ours points at this very server
  std::vector<std::string> output_names;     // names that our rules write
};

struct Finding {
  enum class Level { kOk, kAdvice, kProblem };
  Level level = Level::kOk;
  std::string what;    // what was found
  std::string remedy;  // what to set; empty for kOk
};

// `port` is our own HTTP port: the one that remote_write and remote_read must point at.
std::vector<Finding> CheckUpstream(const UpstreamFacts& facts, int port);

}  // namespace auspex
