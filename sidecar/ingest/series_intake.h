// Sorts the series of one request into those for the sink and those for the report.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/core/sample.h"
#include "sidecar/core/series_hash.h"
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

// One request at a time: Read, then the sink, then the counts and the report. Not thread-safe. Its
// buffers are kept from one request to the next.
class SeriesIntake : public SeriesBatch, private SeriesScanVisitor {
 public:
  // `rules` and `hasher` must outlive this.
  SeriesIntake(const SeriesRules& rules, const SeriesHasher& hasher, WriteRequestLimits limits)
      : rules_(rules), hasher_(hasher), decoder_(limits) {}

  // Forgets the request before, and reads the decompressed `body`, which stays borrowed until the
  // next Read. Errors: as WriteRequestDecoder::Scan.
  absl::Status Read(WriteProtocol protocol, std::string_view body, TimestampMs now_ms);

  std::span<const KeyedSeries> series() const override { return keyed_; }
  std::span<const Sample> samples() const override { return samples_; }
  absl::StatusOr<SeriesLabels> ReadLabels(size_t i) override;

  // Why the request cannot be read, if that came out in ReadLabels.
  const absl::Status& malformed() const { return malformed_; }
  const IntakeCounts& counts() const { return counts_; }
  BadSeriesReport& report() { return report_; }

 private:
  // Where the labels of a series are: in a message not read yet, or at a position of labels_.
  struct Source {
    const char* message = nullptr;  // null: in labels_
    uint32_t bytes = 0;             // of the message; or the first label
    uint32_t head_bytes = 0;        // of the message; or the number of labels
  };

  void OnScanned(const ScannedSeries& series) override;
  void OnDecoded(const DecodedSeries& series) override;

  // Null, and malformed() says why, when the message cannot be read.
  const DecodedSeries* Decode(std::string_view message);
  // Series i is not what the scan took it for.
  SeriesLabels Replace(size_t i, const DecodedSeries& series);
  void DropSamples(size_t i);
  // Counts and reports what the series holds; false when there is nothing for the sink.
  bool AddDecoded(const DecodedSeries& series, KeyedSeries* keyed);
  // Appends those in bounds, reports the others, and returns how many it appended.
  size_t AddSamples(const DecodedSeries& series);
  void ReportOutOfBounds(const DecodedSeries& series, TimestampMs first, size_t count);
  // The metric name of good labels; else counts and reports what is wrong and gives "".
  std::string_view CheckLabels(const DecodedSeries& series);
  Source KeepLabels(std::span<const LabelView> labels);
  bool InBounds(TimestampMs t_ms) const { return t_ms > 0 && t_ms <= latest_ms_; }
  bool AllInBounds(std::span<const Sample> samples) const;
  bool IsOwnOutput(std::string_view metric_name) const;

  const SeriesRules& rules_;
  const SeriesHasher& hasher_;
  WriteRequestDecoder decoder_;
  std::string_view body_;
  TimestampMs latest_ms_ = 0;
  std::vector<KeyedSeries> keyed_;
  std::vector<Source> sources_;  // of keyed_
  std::vector<Sample> samples_;
  std::vector<LabelView> labels_;  // of the series that were decoded
  std::string scratch_;
  absl::Status malformed_;
  IntakeCounts counts_;
  BadSeriesReport report_;
};

}  // namespace auspex
