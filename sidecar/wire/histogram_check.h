// Whether a native histogram is consistent. We ignore histograms, but a receiver refuses bad ones.
#pragma once

#include <cstdint>
#include <string_view>

#include "sidecar/wire/wire_reader.h"

namespace auspex {

// Reads one Histogram message (the same in 1.0 and 2.0) and says what is wrong with it, "" for
// nothing: spans and buckets must agree in number, no bucket may be negative, and the buckets of an
// integer histogram must add up to its count (at most to it when the sum is NaN), as Prometheus'
// model/histogram demands. Counts of float histograms are not compared, for their rounding.
std::string_view CheckHistogram(WireReader reader);

}  // namespace auspex
