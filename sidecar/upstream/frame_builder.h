// STREAMED_XOR_CHUNKS frames for tests.
#pragma once

#include <string>
#include <vector>

#include "sidecar/core/label_set.h"
#include "sidecar/core/sample.h"

namespace auspex {

// One frame (length, checksum, payload) with one series in one chunk.
std::string BuildFrame(const LabelSet& labels, const std::vector<Sample>& samples);

}  // namespace auspex
