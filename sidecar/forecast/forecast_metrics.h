// Metrics of the forecast stage.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <string>
#include <vector>

#include "sidecar/core/forecast.h"

namespace auspex {

// References into the registry that it was made with, which must outlive it. Thread-safe.
class ForecastMetrics {
 public:
  explicit ForecastMetrics(prometheus::Registry& registry);

  // Records one issue of a rule.
  void Issued(const std::string& rule, const std::vector<Forecast>& forecasts, double seconds);

  prometheus::Counter& failures;  // issues that the engine refused

 private:
  prometheus::Family<prometheus::Counter>& issued_;
  prometheus::Family<prometheus::Gauge>& aggregates_;
  prometheus::Family<prometheus::Gauge>& issue_time_;
  prometheus::Family<prometheus::Histogram>& duration_;
};

}  // namespace auspex
