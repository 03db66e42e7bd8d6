// What ingest counts about itself.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/registry.h>

namespace auspex {

struct IngestOutcome;
struct IntakeCounts;

// References into a registry, which must outlive this. Thread-safe.
struct IngestMetrics {
  explicit IngestMetrics(prometheus::Registry& registry);

  // Counts the content of one request that was processed.
  void Count(const IntakeCounts& intake, const IngestOutcome& outcome);

  prometheus::Counter& requests_v1;
  prometheus::Counter& requests_v2;
  prometheus::Counter& requests_refused;  // nothing was read from them
  prometheus::Counter& requests_failed;   // the sink could not take them
  prometheus::Counter& compressed_bytes;
  prometheus::Counter& decompressed_bytes;
  prometheus::Counter& series_invalid;
  // Every sample of a processed request is counted in exactly one of these.
  prometheus::Counter& samples_accepted;
  prometheus::Counter& samples_ignored;
  prometheus::Counter& samples_own_output;
  prometheus::Counter& samples_too_old;
  prometheus::Counter& samples_out_of_bounds;
  prometheus::Counter& samples_duplicate;
  prometheus::Counter& samples_invalid;
  prometheus::Counter& histograms_ignored;
  prometheus::Counter& histograms_invalid;
  prometheus::Counter& exemplars_ignored;
};

}  // namespace auspex
