#include "sidecar/emit/emit_metrics.h"

namespace auspex {
namespace {

using Labels = prometheus::Labels;

prometheus::Counter& AddCounter(prometheus::Registry& registry, const char* name, const char* help,
                                const Labels& labels) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add(labels);
}

prometheus::Gauge& AddGauge(prometheus::Registry& registry, const char* name, const char* help,
                            const Labels& labels) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add(labels);
}

prometheus::Counter& AddDropped(prometheus::Registry& registry, Labels labels, const char* reason) {
  labels["reason"] = reason;
  return AddCounter(registry, "auspex_remote_storage_samples_dropped_total",
                    "Samples that were dropped before they were sent.", labels);
}

Labels EndpointLabels(const std::string& name, const std::string& url) {
  return {{"remote_name", name}, {"url", url}};
}

}  // namespace

SendMetrics::SendMetrics(prometheus::Registry& registry, const std::string& name,
                         const std::string& url)
    : samples(AddCounter(registry, "auspex_remote_storage_samples_total",
                         "Samples that the receiver accepted.", EndpointLabels(name, url))),
      failed(AddCounter(registry, "auspex_remote_storage_samples_failed_total",
                        "Samples that the receiver refused for good.", EndpointLabels(name, url))),
      retried(AddCounter(registry, "auspex_remote_storage_samples_retried_total",
                         "Samples sent again after a retryable answer.",
                         EndpointLabels(name, url))),
      dropped_full(AddDropped(registry, EndpointLabels(name, url), "queue_full")),
      dropped_old(AddDropped(registry, EndpointLabels(name, url), "too_old")),
      dropped_future(AddDropped(registry, EndpointLabels(name, url), "too_far_ahead")),
      dropped_stop(AddDropped(registry, EndpointLabels(name, url), "shutdown")),
      bytes(AddCounter(registry, "auspex_remote_storage_bytes_total",
                       "Compressed bytes of bodies sent.", EndpointLabels(name, url))),
      pending(AddGauge(registry, "auspex_remote_storage_samples_pending",
                       "Samples that wait in the shards' queues.", EndpointLabels(name, url))),
      shards(AddGauge(registry, "auspex_remote_storage_shards", "Shards that send in parallel.",
                      EndpointLabels(name, url))),
      highest_sent_seconds(
          AddGauge(registry, "auspex_remote_storage_queue_highest_sent_timestamp_seconds",
                   "Newest timestamp that was accepted.", EndpointLabels(name, url))),
      batch_seconds(prometheus::BuildHistogram()
                        .Name("auspex_remote_storage_sent_batch_duration_seconds")
                        .Help("Time of one request, answers of every kind.")
                        .Register(registry)
                        .Add(EndpointLabels(name, url), prometheus::Histogram::BucketBoundaries{
                                                            0.005, 0.025, 0.1, 0.5, 1, 5, 30})) {}

}  // namespace auspex
