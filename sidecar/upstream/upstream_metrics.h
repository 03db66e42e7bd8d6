// What reading from the upstream counts.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <string>

namespace auspex {

// References into the registry, which must outlive this. Several may share one registry: they
// count together. Thread-safe.
struct UpstreamMetrics {
  explicit UpstreamMetrics(prometheus::Registry& registry);

  // One finished request; `code` is the HTTP status or "error" without one.
  void Requested(const std::string& endpoint, const std::string& code, double seconds);
  // Steps closed in the history for a rule, by "remote_read", "query_range" or "query".
  void Closed(const std::string& rule, const std::string& source, int64_t steps);

  prometheus::Counter& samples;         // raw samples by remote read
  prometheus::Counter& series_refused;  // over a rule's limit of aggregates

 private:
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Family<prometheus::Histogram>& duration_;
  prometheus::Family<prometheus::Counter>& steps_;
};

}  // namespace auspex
