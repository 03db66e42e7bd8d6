// Medians of thousands of values, in a few passes over them.
#pragma once

#include <span>

namespace auspex::model {

// The median, the mean of the two middle values where their number is even. Exact; takes time
// proportional to the number of values whatever they are, and no memory. REQUIRES: at least one
// value, all finite.
double MedianOf(std::span<const float> values);

}  // namespace auspex::model
