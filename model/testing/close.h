// Compares computed numbers in tests: fails unless they are close, so NaN never passes.
#pragma once

#include <span>
#include <string>

namespace auspex::model {

// |actual - expected| <= absolute + relative * |expected|.
struct Tolerance {
  double absolute = 0;
  double relative = 0;
};

// Empty when the sizes are equal and every pair is close; else the first pair that is not, and how
// many are not. A NaN is close to nothing, an infinity only to itself.
//   EXPECT_EQ(Difference(actual, expected, {.absolute = 1e-6}), "");
std::string Difference(std::span<const float> actual, std::span<const float> expected,
                       const Tolerance& tolerance);
std::string Difference(std::span<const double> actual, std::span<const double> expected,
                       const Tolerance& tolerance);

}  // namespace auspex::model
