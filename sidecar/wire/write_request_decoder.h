// Remote write requests, read straight from the wire without building messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sidecar/core/label_view.h"
#include "sidecar/core/sample.h"
#include "sidecar/wire/write_protocol.h"

namespace auspex {

class WireReader;

// Bounds on what one request may make us hold in memory.
struct WriteRequestLimits {
  // More labels make the series unusable, not the request.
  size_t labels_per_series_max = 128;
  // Of series, labels, samples and symbols in one request, each. Far above what a body of 32 MiB
  // from a real sender holds; it stops bodies made of empty messages.
  size_t items_max = 2'000'000;
};

// One time series message. Everything is borrowed and valid during the visit only. The same series
// may come many times in one request.
struct DecodedSeries {
  std::span<const LabelView> labels;  // as sent: any order, unchecked text; part if `problem`
  std::span<const Sample> samples;
  int64_t histograms = 0;  // native histograms, valid or not
  int64_t histograms_invalid = 0;
  int64_t exemplars = 0;
  std::string_view problem;            // why the labels cannot be used, "" if they can
  std::string_view histogram_problem;  // of the first invalid histogram
};

// A time series message of 1.0 of the form that nearly all have: labels, then samples, nothing
// else. Borrowed like DecodedSeries.
struct ScannedSeries {
  std::string_view message;
  // What lies before the samples. It has not been read: it is the labels if labels fill it to the
  // last byte, and else the message is not of that form. So if an equal head was found to be labels
  // once, this one is.
  std::string_view head;
  std::span<const Sample> samples;
};

// Thread-compatible.
class SeriesScanVisitor {
 public:
  virtual ~SeriesScanVisitor() = default;
  virtual void OnScanned(const ScannedSeries& series) = 0;
  // Every series that is not of that form.
  virtual void OnDecoded(const DecodedSeries& series) = 0;
};

// Not thread-safe; use one decoder per thread again and again: its buffers are kept, so that
// decoding allocates nothing in the steady state.
class WriteRequestDecoder {
 public:
  using SeriesVisitor = std::function<void(const DecodedSeries&)>;

  explicit WriteRequestDecoder(WriteRequestLimits limits = {});

  // Visits every series of the decompressed `body` in order. InvalidArgument, naming the byte
  // offset, for malformed protobuf or a field of the wrong wire type; ResourceExhausted over
  // items_max. Series before the error have been visited by then.
  // As protobuf demands, unknown fields are skipped, repeated numbers are read packed or not, the
  // last of a repeated single field wins, and the symbols of 2.0 may follow their use. Timestamps
  // of creation or start (rc.3, rc.4) are read and ignored, like metadata.
  absl::Status Decode(WriteProtocol protocol, std::string_view body, const SeriesVisitor& visit);

  // As Decode, but leaves the labels of most series of 1.0 unread. What is wrong with those comes
  // out when DecodeScanned reads them, and they do not count towards items_max.
  absl::Status Scan(WriteProtocol protocol, std::string_view body, SeriesScanVisitor& visitor);
  // Reads a whole message that Scan found in `body`; OnScanned may call it. The series is valid
  // until the next call of any method.
  absl::StatusOr<const DecodedSeries*> DecodeScanned(std::string_view body,
                                                     std::string_view message);
  // Whether labels fill the head to the last byte.
  static bool IsLabels(std::string_view head);

 private:
  // Of the request so far.
  struct Totals {
    size_t series = 0;
    size_t labels = 0;
    size_t samples = 0;
  };

  void ReadRequestV1(WireReader reader, const SeriesVisitor& visit);
  void ScanRequestV1(WireReader reader, SeriesScanVisitor& visitor);
  bool ScanSeries(std::string_view message, ScannedSeries* series);
  void ReadFieldV1(WireReader& reader, const SeriesVisitor& visit);
  void ReadSymbols(WireReader reader);
  void ReadRequestV2(WireReader reader, const SeriesVisitor& visit);
  void ReadSeriesV1(WireReader reader);
  void ReadSeriesV2(WireReader reader);
  void ReadSample(WriteProtocol protocol, WireReader reader);
  void ReadHistogram(WireReader reader);
  void ClearSeries();
  void AddLabel(WireReader& reader, LabelView label);
  void AddLabelRef(WireReader& reader, uint32_t ref);
  void EndLabelRefs();
  void EndSeries();
  void Visit(const WireReader& reader, const SeriesVisitor& visit);
  void CheckTotal(WireReader& reader, size_t total, std::string_view what) const;

  const WriteRequestLimits limits_;
  Totals totals_;
  std::vector<std::string_view> symbols_;  // of a 2.0 request

  // Of the series being read.
  DecodedSeries series_;
  size_t label_count_ = 0;  // may exceed what labels_ keeps
  std::vector<LabelView> labels_;
  std::optional<std::string_view> label_name_;  // of 2.0, waiting for its value
  std::vector<Sample> samples_;
  std::string problem_;
};

}  // namespace auspex
