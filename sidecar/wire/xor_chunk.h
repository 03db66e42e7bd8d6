// Prometheus' XOR chunks: timestamps as delta of delta, values XORed with their predecessor
// (Prometheus, tsdb/chunkenc/xor.go, after Facebook's Gorilla paper, VLDB 2015).
#pragma once

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "sidecar/core/sample.h"

namespace auspex {

// Appends the samples of one chunk, at most 65535, to `*samples`, bits intact. InvalidArgument,
// naming the sample, when the chunk ends early or is malformed; then `*samples` holds what came
// before.
absl::Status DecodeXorChunk(std::string_view data, std::vector<Sample>* samples);

}  // namespace auspex
