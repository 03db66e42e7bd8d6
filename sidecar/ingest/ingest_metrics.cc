#include "sidecar/ingest/ingest_metrics.h"

#include <cstdint>
#include <string>

#include "sidecar/ingest/series_intake.h"

namespace auspex {
namespace {

// Registering a name again gives the same family.
prometheus::Counter& Counter(prometheus::Registry& registry, const std::string& name,
                             const std::string& help, const prometheus::Labels& labels = {}) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add(labels);
}

prometheus::Counter& Requests(prometheus::Registry& registry, const std::string& protocol) {
  return Counter(registry, "auspex_ingest_requests_total",
                 "Remote write requests received, by protocol version.", {{"protocol", protocol}});
}

prometheus::Counter& Samples(prometheus::Registry& registry, const std::string& outcome) {
  return Counter(registry, "auspex_ingest_samples_total",
                 "Samples received by remote write, by what became of them.",
                 {{"outcome", outcome}});
}

prometheus::Counter& Histograms(prometheus::Registry& registry, const std::string& outcome) {
  return Counter(registry, "auspex_ingest_histograms_total",
                 "Native histograms received by remote write, none of which is used.",
                 {{"outcome", outcome}});
}

void Add(prometheus::Counter& counter, int64_t n) {
  if (n > 0) counter.Increment(static_cast<double>(n));
}

}  // namespace

IngestMetrics::IngestMetrics(prometheus::Registry& registry)
    : requests_v1(Requests(registry, "1.0")),
      requests_v2(Requests(registry, "2.0")),
      requests_refused(Counter(registry, "auspex_ingest_requests_refused_total",
                               "Remote write requests that could not be read, whole.")),
      requests_failed(Counter(registry, "auspex_ingest_requests_failed_total",
                              "Remote write requests answered 5xx: the sender repeats them.")),
      compressed_bytes(Counter(registry, "auspex_ingest_compressed_bytes_total",
                               "Bytes of remote write bodies as received.")),
      decompressed_bytes(Counter(registry, "auspex_ingest_decompressed_bytes_total",
                                 "Bytes of remote write bodies after decompression.")),
      series_invalid(Counter(registry, "auspex_ingest_invalid_series_total",
                             "Series of remote write requests skipped for their labels.")),
      samples_accepted(Samples(registry, "accepted")),
      samples_ignored(Samples(registry, "ignored")),
      samples_own_output(Samples(registry, "own_output")),
      samples_too_old(Samples(registry, "too_old")),
      samples_out_of_bounds(Samples(registry, "out_of_bounds")),
      samples_duplicate(Samples(registry, "duplicate")),
      samples_invalid(Samples(registry, "invalid")),
      histograms_ignored(Histograms(registry, "ignored")),
      histograms_invalid(Histograms(registry, "invalid")),
      exemplars_ignored(Counter(registry, "auspex_ingest_exemplars_total",
                                "Exemplars received by remote write, none of which is used.")) {}

void IngestMetrics::Count(const IntakeCounts& intake, const IngestOutcome& outcome) {
  Add(series_invalid, intake.series_invalid);
  Add(samples_accepted, outcome.accepted);
  Add(samples_ignored, outcome.ignored);
  Add(samples_own_output, intake.samples_own_output + outcome.own_output);
  Add(samples_too_old, outcome.too_old);
  Add(samples_out_of_bounds, intake.samples_out_of_bounds + outcome.out_of_bounds);
  Add(samples_duplicate, outcome.duplicate);
  Add(samples_invalid, intake.samples_invalid);
  Add(histograms_ignored, intake.histograms);
  Add(histograms_invalid, intake.histograms_invalid);
  Add(exemplars_ignored, intake.exemplars);
}

}  // namespace auspex
