// What the HTTP server counts about itself.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <string>

namespace auspex {

// References into a registry, which must outlive this. Thread-safe.
struct HttpServerMetrics {
  explicit HttpServerMetrics(prometheus::Registry& registry);

  // Counts one answered request. `handler` is the pattern of its route, or "" without one.
  void Answered(const std::string& handler, int status);
  // Counts the time from a request read in full to its response.
  void Handled(const std::string& handler, double seconds);

  prometheus::Gauge& connections;
  prometheus::Gauge& queue_requests;
  prometheus::Counter& queue_rejected;

 private:
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Family<prometheus::Histogram>& duration_;
};

}  // namespace auspex
