// Remote read: requests and SAMPLES answers, both directions. Bodies are snappy blocks.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sidecar/core/label_set.h"
#include "sidecar/core/matcher.h"
#include "sidecar/core/sample.h"

namespace auspex {

inline constexpr std::string_view kReadVersionHeader = "X-Prometheus-Remote-Read-Version";
inline constexpr std::string_view kReadVersion = "0.1.0";
inline constexpr std::string_view kSamplesContentType = "application/x-protobuf";
// Prometheus compares it literally, with the space.
inline constexpr std::string_view kChunkedContentType =
    "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";

// Both ends inclusive, any int64, start > end asks for nothing.
struct ReadQuery {
  TimestampMs start_ms = 0;
  TimestampMs end_ms = 0;
  Selector selector;
};

struct ReadRequest {
  std::vector<ReadQuery> queries;
  // The client understands SAMPLES: it says so, or it names no response type at all.
  bool accepts_samples = true;
};

// One series of an answer; samples in time order.
struct ReadSeries {
  LabelSet labels;
  std::vector<Sample> samples;
};
// The answer to one query.
using ReadResult = std::vector<ReadSeries>;

// InvalidArgument: not snappy, over `bytes_max` decompressed, bad protobuf, an unknown matcher type
// or a regular expression that does not compile.
absl::StatusOr<ReadRequest> DecodeReadRequest(std::string_view body, size_t bytes_max);

// Asks for STREAMED_XOR_CHUNKS first, then SAMPLES.
std::string EncodeReadRequest(const std::vector<ReadQuery>& queries);

// A SAMPLES answer: exactly one result per query, in their order.
std::string EncodeReadResponse(const std::vector<ReadResult>& results);

// Samples keep their bits (stale markers) and the order in which they came.
// InvalidArgument: not snappy, over `bytes_max` decompressed, or bad protobuf.
absl::StatusOr<std::vector<ReadResult>> DecodeReadResponse(std::string_view body, size_t bytes_max);

}  // namespace auspex
