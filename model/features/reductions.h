// Sums, distances and extremes of thousands of values, in the widest vectors of the machine.
#pragma once

#include <cstddef>
#include <span>

namespace auspex::model {

// Sums in double precision: exact to a few units of its last place relative to the sum of the
// absolute values, whatever they are. All values are finite.
double SumOf(std::span<const float> values);
// Sums of consecutive parts of `part` values each. REQUIRES: `values` are that many.
void SumParts(std::span<const float> values, size_t part, std::span<double> sums);

struct Extremes {
  float low;
  float high;
};
// REQUIRES: at least one value.
Extremes ExtremesOf(std::span<const float> values);

struct Deviations {
  double absolutes;  // sum of |value - centre|
  double squares;    // sum of (value - centre)^2
};
Deviations DeviationsFrom(double centre, std::span<const float> values);

// |a - b| of every pair, at most the largest float. REQUIRES: as many of all three.
void DistancesBetween(std::span<const float> a, std::span<const float> b, std::span<float> out);

// Sum of the values, each counted as `limit` where it is above it.
double SumUpTo(float limit, std::span<const float> values);

}  // namespace auspex::model
