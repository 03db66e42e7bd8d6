// The values of one aggregate in one block of steps, compressed.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace auspex {

// Values on a regular grid, NaN = missing: how many, which are present (one bit each), and the
// present ones as XOR with their predecessor (T. Pelkonen et al., "Gorilla: A Fast, Scalable,
// In-Memory Time Series Database", VLDB 2015, section 4.1.2). Times need no bits. Every value but
// NaN keeps its bits; FORMAT.md has the layout.
std::string EncodeBlock(std::span<const double> values);

// DataLoss when the bytes are not a block of exactly `steps` values.
absl::StatusOr<std::vector<double>> DecodeBlock(std::string_view bytes, size_t steps);

}  // namespace auspex
