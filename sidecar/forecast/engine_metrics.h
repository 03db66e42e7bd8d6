// What the engine's devices could not do: a metric, and a log line.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/registry.h>

#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "model/engine/engine.h"
#include "sidecar/base/clock.h"
#include "sidecar/base/log.h"

namespace auspex {

// Borrows the registry and the clock, which must outlive it. Thread-safe.
class EngineMetrics {
 public:
  EngineMetrics(prometheus::Registry& registry, const Clock& clock, Logger logger);

  // Counts the forecasts that the cpu answered for a device. Logs the first, every other reason,
  // and once an hour that it goes on.
  void Fallback(const model::EngineFallback& what);

 private:
  struct Logged {
    std::string why;
    int64_t at_ms = 0;
  };

  prometheus::Family<prometheus::Counter>& fallbacks_;
  const Clock& clock_;
  const Logger logger_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Logged> logged_ ABSL_GUARDED_BY(mutex_);  // by device
};

}  // namespace auspex
