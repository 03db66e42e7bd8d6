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

 private:
  // Of the request so far.
  struct Totals {
    size_t series = 0;
    size_t labels = 0;
    size_t samples = 0;
  };

  void ReadRequestV1(WireReader reader, const SeriesVisitor& visit);
  void ReadSymbols(WireReader reader);
  void ReadRequestV2(WireReader reader, const SeriesVisitor& visit);
  void ReadSeriesV1(WireReader reader);
  void ReadSeriesV2(WireReader reader);
  void ReadSample(WriteProtocol protocol, WireReader reader);
  void ReadHistogram(WireReader reader);
  void BeginSeries(WireReader& reader);
  void AddLabel(WireReader& reader, LabelView label);
  void AddLabelRef(WireReader& reader, uint32_t ref);
  void EndLabelRefs();
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
