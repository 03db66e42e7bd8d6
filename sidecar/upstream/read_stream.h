// The answer of remote read as it arrives, one whole series at a time.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "sidecar/wire/chunked_frames.h"
#include "sidecar/wire/read_codec.h"

namespace auspex {

// Called with each series that has samples in the range asked for. The samples ascend strictly in
// time and lie in that range. A non-OK status ends the reading.
using SeriesVisitor = std::function<absl::Status(const ReadSeries& series)>;

// Decodes both response types. A series that the server split over consecutive frames is joined;
// samples outside the range, which edge chunks may hold, are dropped. Memory is bounded by one
// frame and one series (by the answer for SAMPLES). Not thread-safe.
class ReadStream {
 public:
  // start_ms ... end_ms: the range asked for, inclusive.
  ReadStream(TimestampMs start_ms, TimestampMs end_ms, SeriesVisitor visit);

  // Takes the next piece of the body of an answer with this content type. InvalidArgument for an
  // unknown type or a malformed body, DataLoss for a bad checksum, or what the visitor said.
  absl::Status Feed(std::string_view content_type, std::string_view piece);
  // Call at the end of the body.
  absl::Status Finish();

  int64_t samples() const { return samples_; }

 private:
  absl::Status TakeFrame(std::string_view payload);
  absl::Status TakeSeries(ReadSeries series);
  // Visits the series collected so far.
  absl::Status Flush();

  const TimestampMs start_ms_;
  const TimestampMs end_ms_;
  const SeriesVisitor visit_;
  ChunkedFrameParser frames_;
  std::string samples_body_;  // of a SAMPLES answer
  std::optional<ReadSeries> current_;
  int64_t samples_ = 0;  // visited
};

}  // namespace auspex
