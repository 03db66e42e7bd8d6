// Medians and other order statistics of thousands of values, in a few passes over them.
#pragma once

#include <cstddef>
#include <span>

namespace auspex::model {

// The median, the mean of the two middle values where their number is even. Exact; takes time
// proportional to the number of values whatever they are, and no memory. REQUIRES: at least one
// value, all finite.
double MedianOf(std::span<const float> values);

// The value that has `rank` others before it in ascending order, likewise. REQUIRES: rank <
// values.size(), all finite.
float ValueOfRank(std::span<const float> values, size_t rank);

}  // namespace auspex::model
