#include "sidecar/net/net_metrics.h"

namespace auspex {
namespace {

const prometheus::Histogram::BucketBoundaries& DurationBuckets() {
  static const prometheus::Histogram::BucketBoundaries buckets = {0.001, 0.005, 0.02, 0.1, 0.4,
                                                                  1,     3,     8,    20,  60};
  return buckets;
}

}  // namespace

HttpServerMetrics::HttpServerMetrics(prometheus::Registry& registry)
    : connections(prometheus::BuildGauge()
                      .Name("auspex_http_connections")
                      .Help("Open HTTP connections.")
                      .Register(registry)
                      .Add({})),
      queue_requests(prometheus::BuildGauge()
                         .Name("auspex_http_queue_requests")
                         .Help("HTTP requests that wait for a worker.")
                         .Register(registry)
                         .Add({})),
      queue_rejected(prometheus::BuildCounter()
                         .Name("auspex_http_queue_rejected_total")
                         .Help("HTTP requests answered 503 because the worker queue was full.")
                         .Register(registry)
                         .Add({})),
      requests_(prometheus::BuildCounter()
                    .Name("auspex_http_requests_total")
                    .Help("HTTP requests answered, by route and status code.")
                    .Register(registry)),
      duration_(prometheus::BuildHistogram()
                    .Name("auspex_http_request_duration_seconds")
                    .Help("Time from an HTTP request read in full to its response, by route.")
                    .Register(registry)) {}

void HttpServerMetrics::Answered(const std::string& handler, int status) {
  requests_.Add({{"handler", handler}, {"code", std::to_string(status)}}).Increment();
}

void HttpServerMetrics::Handled(const std::string& handler, double seconds) {
  duration_.Add({{"handler", handler}}, DurationBuckets()).Observe(seconds);
}

}  // namespace auspex
