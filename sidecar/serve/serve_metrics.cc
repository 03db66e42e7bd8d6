#include "sidecar/serve/serve_metrics.h"

namespace auspex {
namespace {

prometheus::Counter& AddCounter(prometheus::Registry& registry, const char* name,
                                const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
}

}  // namespace

ServeMetrics::ServeMetrics(prometheus::Registry& registry)
    : read_queries(
          AddCounter(registry, "auspex_serve_read_queries_total", "Remote read queries answered.")),
      read_empty(AddCounter(registry, "auspex_serve_read_empty_total",
                            "Remote read queries that no curve matched.")),
      read_series(AddCounter(registry, "auspex_serve_read_series_total",
                             "Curve series served by remote read.")),
      read_samples(AddCounter(registry, "auspex_serve_read_samples_total",
                              "Curve samples served by remote read.")),
      read_failures(AddCounter(registry, "auspex_serve_read_failures_total",
                               "Remote read requests answered with an error.")) {}

}  // namespace auspex
