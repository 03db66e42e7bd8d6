// What the daemon says about itself as a process.
#pragma once

#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include "sidecar/core/build_info.h"
#include "sidecar/core/sample.h"

namespace auspex {

// References into the registry that it was made with, which must outlive it. Thread-safe.
class SelfMetrics {
 public:
  SelfMetrics(prometheus::Registry& registry, const BuildInfo& build);

  // The configuration was read again, or could not be.
  void Reloaded(bool ok, TimestampMs now_ms);
  // Reads the memory of the process.
  void Update();

 private:
  prometheus::Gauge& reload_successful_;
  prometheus::Gauge& reload_success_time_;
  prometheus::Gauge& resident_bytes_;
};

}  // namespace auspex
