// STREAMED_XOR_CHUNKS answers of remote read: a sequence of frames, each a uvarint length, the
// big-endian CRC-32C (RFC 3720, Castagnoli) of the payload, and the payload, a protobuf
// prometheus.ChunkedReadResponse (Prometheus, storage/remote/chunked.go).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sidecar/wire/read_codec.h"

namespace auspex {

// Prometheus' chunked_read_limit.
inline constexpr size_t kFrameBytesMax = 50'000'000;

// Cuts a byte stream into frames; memory is bounded by one frame. Not thread-safe.
class ChunkedFrameParser {
 public:
  // Called with each payload, which is valid during the call. A non-OK status ends the parsing.
  using FrameCallback = std::function<absl::Status(std::string_view payload)>;

  explicit ChunkedFrameParser(FrameCallback on_frame, size_t frame_bytes_max = kFrameBytesMax);

  // Takes the next piece of the stream, of any size. DataLoss (bad CRC), InvalidArgument (length
  // malformed or over the limit), or what the callback said; messages name the byte offset in the
  // stream. REQUIRES: no earlier error.
  absl::Status Feed(std::string_view piece);

  // Call at the end of the stream: DataLoss if it ended inside a frame.
  absl::Status Finish() const;

 private:
  // Takes one whole frame off the front of `*input`, or nothing while it is incomplete.
  absl::StatusOr<bool> TakeFrame(std::string_view* input);

  const FrameCallback on_frame_;
  const size_t frame_bytes_max_;
  std::string pending_;  // the incomplete frame
  uint64_t offset_ = 0;  // in the stream, of the next frame
};

// One decoded frame. The server may split a series over consecutive frames with equal labels, and
// edge chunks may hold samples outside the range asked for: joining and clipping is the caller's.
struct ChunkedFrame {
  int64_t query_index = 0;
  std::vector<ReadSeries> series;
  int64_t chunks_skipped = 0;  // native histograms
};

// InvalidArgument: bad protobuf, a bad chunk or an unknown chunk encoding.
absl::StatusOr<ChunkedFrame> DecodeChunkedFrame(std::string_view payload);

}  // namespace auspex
