// Metrics of the serve stage.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/registry.h>

namespace auspex {

// References into the registry that it was made with, which must outlive it. Thread-safe.
struct ServeMetrics {
  explicit ServeMetrics(prometheus::Registry& registry);

  prometheus::Counter& read_queries;  // remote read queries answered
  prometheus::Counter& read_empty;    // ... of which nothing was ours
  prometheus::Counter& read_series;
  prometheus::Counter& read_samples;
  prometheus::Counter& read_failures;  // requests answered with an error
};

}  // namespace auspex
