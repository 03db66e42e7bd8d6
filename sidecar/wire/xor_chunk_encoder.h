// Test support: writes the XOR chunks that the decoder reads.
#pragma once

#include <span>
#include <string>

#include "sidecar/core/sample.h"

namespace auspex {

// REQUIRES: at most 65535 samples.
std::string EncodeXorChunk(std::span<const Sample> samples);

}  // namespace auspex
