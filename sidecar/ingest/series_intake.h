// Sorts the series of one request into those for the sink and those for the report.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "sidecar/core/sample.h"
#include "sidecar/ingest/bad_series_report.h"
#include "sidecar/ingest/series_sink.h"
#include "sidecar/ingest/validate.h"
#include "sidecar/wire/write_request_decoder.h"

namespace auspex {

struct SeriesRules {
  LabelLimits labels;
  // Samples further ahead of the clock are out of bounds (Prometheus' own limit), like samples
  // that are not after 1970.
  DurationMs future_max_ms = 10 * kMinute;
  // True for metric names that we emit: their samples are ignored, or our forecasts would come back
  // as measurements. Called from several threads at once. Unset: no name is ours.
  std::function<bool(std::string_view metric_name)> is_own_output;
};

struct IntakeCounts {
  int64_t series_invalid = 0;
  int64_t samples = 0;             // for the sink
  int64_t samples_own_output = 0;  // fine, and ignored
  int64_t samples_invalid = 0;     // of invalid series
  int64_t samples_out_of_bounds = 0;
  int64_t histograms = 0;  // fine, and ignored
  int64_t histograms_invalid = 0;
  int64_t exemplars = 0;  // ignored
};

// Not thread-safe. Its buffers are kept from one request to the next.
class SeriesIntake {
 public:
  // `rules` must outlive this.
  explicit SeriesIntake(const SeriesRules& rules) : rules_(rules) {}

  // Forgets the request before.
  void Begin(TimestampMs now_ms);

  // Label texts stay borrowed from the request body; everything else is copied.
  void Add(const DecodedSeries& series);

  // What the sink shall take. Valid until the next Begin or Add.
  std::span<const SeriesView> Views();

  const IntakeCounts& counts() const { return counts_; }
  BadSeriesReport& report() { return report_; }

 private:
  // The share of one series in labels_ and samples_, which move as they grow.
  struct Extent {
    size_t label_count;
    size_t sample_count;
  };

  void AddSamples(const DecodedSeries& series);
  void ReportOutOfBounds(const DecodedSeries& series, TimestampMs first, size_t count);
  void RefuseSeries(const DecodedSeries& series, std::string_view problem);
  bool IsOwnOutput(std::string_view metric_name) const;

  const SeriesRules& rules_;
  TimestampMs latest_ms_ = 0;
  std::vector<LabelView> labels_;
  std::vector<Sample> samples_;
  std::vector<Extent> extents_;
  std::vector<SeriesView> views_;
  IntakeCounts counts_;
  BadSeriesReport report_;
};

}  // namespace auspex
