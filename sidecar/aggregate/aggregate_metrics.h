// The aggregate stage's own metrics.
#pragma once

#include <string>

#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"

namespace prometheus {
class Registry;
}

namespace auspex {

// One labelled metric, which leaves /metrics with its owner.
template <typename Metric>
class OwnedMetric {
 public:
  OwnedMetric(prometheus::Family<Metric>& family, const prometheus::Labels& labels)
      : family_(family), metric_(family.Add(labels)) {}
  ~OwnedMetric() { family_.Remove(&metric_); }
  OwnedMetric(const OwnedMetric&) = delete;
  OwnedMetric& operator=(const OwnedMetric&) = delete;

  Metric* operator->() { return &metric_; }

 private:
  prometheus::Family<Metric>& family_;
  Metric& metric_;
};

// Of one rule. REQUIRES: one at a time for a rule name.
struct RuleMetrics {
  RuleMetrics(prometheus::Registry& registry, const std::string& rule);

  OwnedMetric<prometheus::Gauge> aggregates;             // with members now
  OwnedMetric<prometheus::Gauge> watermark_lag_seconds;  // age of the newest closed step
  OwnedMetric<prometheus::Counter> closed_steps;
  OwnedMetric<prometheus::Counter> late_samples;    // came after a step of theirs had closed
  OwnedMetric<prometheus::Counter> refused_series;  // the rule's aggregates_max was reached
};

// Of the stage. References live as long as the registry.
struct AggregateMetrics {
  explicit AggregateMetrics(prometheus::Registry& registry);

  prometheus::Gauge& series;
  prometheus::Gauge& buffered_samples;
  prometheus::Gauge& router_entries;
  prometheus::Counter& refused_samples;   // of series that a limit keeps out
  prometheus::Counter& refused_requests;  // the sample buffer was full
  prometheus::Counter& replayed_samples;
};

}  // namespace auspex
