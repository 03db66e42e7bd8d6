// The upstream of a configuration, ready to be asked.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "sidecar/config/config.h"
#include "sidecar/core/sample.h"
#include "sidecar/upstream/prometheus_api.h"

namespace auspex {

// How to reach the upstream, and how it evaluates PromQL if that is not to be asked of it.
struct UpstreamSettings {
  PrometheusApiOptions prometheus;
  std::optional<PromqlDialect> dialect;
  DurationMs lateness_ms = 30 * kSecond;  // steps younger than this are still open
};

// Nothing when the configuration names no upstream. Errors of the files with its secrets.
absl::StatusOr<std::optional<UpstreamSettings>> UpstreamFrom(const Config& config);

}  // namespace auspex
