// What the quota exporter exposes: the three metrics of the story, live by prometheus-cpp.
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "deploy/simulator/story.h"
#include "prometheus/collectable.h"
#include "prometheus/metric_family.h"
#include "sidecar/base/clock.h"

namespace auspex::simulator {

// One metric of the exporter and how to compute it.
struct QuotaFamily {
  std::string_view name;
  std::string_view help;
  bool is_counter = false;  // else a gauge
  double (*value)(const Story& story, const Quota& quota, double t) = nullptr;
};

// storage_used_bytes, storage_quota_bytes, storage_written_bytes_total.
std::span<const QuotaFamily> QuotaFamilies();

// The story at the clock's time. Thread-safe; story and clock must outlive it.
class QuotaCollector : public prometheus::Collectable {
 public:
  QuotaCollector(const Story& story, const Clock& clock) : story_(story), clock_(clock) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Story& story_;
  const Clock& clock_;
};

}  // namespace auspex::simulator
