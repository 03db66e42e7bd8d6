#include "sidecar/upstream/upstream_metrics.h"

namespace auspex {
namespace {

const prometheus::Histogram::BucketBoundaries& DurationBuckets() {
  static const prometheus::Histogram::BucketBoundaries buckets = {0.01, 0.05, 0.2, 1,  3,
                                                                  10,   30,   60,  300};
  return buckets;
}

prometheus::Counter& AddCounter(prometheus::Registry& registry, const std::string& name,
                                const std::string& help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
}

}  // namespace

UpstreamMetrics::UpstreamMetrics(prometheus::Registry& registry)
    : samples(AddCounter(registry, "auspex_upstream_samples_total",
                         "Raw samples read from the upstream.")),
      series_refused(AddCounter(registry, "auspex_upstream_series_refused_total",
                                "Series of the upstream left out over a rule's aggregate limit.")),
      requests_(prometheus::BuildCounter()
                    .Name("auspex_upstream_requests_total")
                    .Help("Requests to the upstream, by endpoint and status code.")
                    .Register(registry)),
      duration_(prometheus::BuildHistogram()
                    .Name("auspex_upstream_request_duration_seconds")
                    .Help("Time of requests to the upstream, to the last byte of the answer.")
                    .Register(registry)),
      steps_(prometheus::BuildCounter()
                 .Name("auspex_upstream_closed_steps_total")
                 .Help("Steps closed with values of the upstream, by rule and source.")
                 .Register(registry)) {}

void UpstreamMetrics::Requested(const std::string& endpoint, const std::string& code,
                                double seconds) {
  requests_.Add({{"endpoint", endpoint}, {"code", code}}).Increment();
  duration_.Add({{"endpoint", endpoint}}, DurationBuckets()).Observe(seconds);
}

void UpstreamMetrics::Closed(const std::string& rule, const std::string& source, int64_t steps) {
  steps_.Add({{"rule", rule}, {"source", source}}).Increment(static_cast<double>(steps));
}

}  // namespace auspex
