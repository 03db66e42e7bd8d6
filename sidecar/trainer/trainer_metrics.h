// Metrics of the daemon's side of training.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <string>

#include "sidecar/registry/trained_models.h"

namespace auspex {

// References into the registry that it was made with, which must outlive it. Thread-safe.
class TrainerMetrics {
 public:
  explicit TrainerMetrics(prometheus::Registry& registry);

  prometheus::Counter& jobs_ok;
  prometheus::Counter& jobs_failed;
  prometheus::Counter& jobs_cancelled;
  prometheus::Gauge& running;                // jobs that run now
  prometheus::Gauge& worker_resident_bytes;  // most memory that the latest job's process used

  // Shows a finished job of a rule and what the gate measured.
  void SetTrained(const std::string& rule, const TrainedModels& models);

 private:
  prometheus::Family<prometheus::Gauge>& seconds_;
  prometheus::Family<prometheus::Gauge>& trained_at_;
  prometheus::Family<prometheus::Gauge>& error_;
};

}  // namespace auspex
