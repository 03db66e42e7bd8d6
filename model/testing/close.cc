#include "model/testing/close.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace auspex::model {
namespace {

bool Close(double actual, double expected, const Tolerance& tolerance) {
  if (std::isinf(expected)) return actual == expected;
  return std::abs(actual - expected) <=
         tolerance.absolute + tolerance.relative * std::abs(expected);
}

template <typename T>
std::string FirstDifference(std::span<const T> actual, std::span<const T> expected,
                            const Tolerance& tolerance) {
  if (actual.size() != expected.size()) {
    return absl::StrCat(actual.size(), " values, expected ", expected.size());
  }
  std::string first;
  size_t count = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    if (Close(actual[i], expected[i], tolerance)) continue;
    if (count++ == 0) first = absl::StrCat("[", i, "] is ", actual[i], ", expected ", expected[i]);
  }
  if (count == 0) return "";
  return absl::StrCat(first, "; ", count, " of ", actual.size(), " differ");
}

}  // namespace

std::string Difference(std::span<const float> actual, std::span<const float> expected,
                       const Tolerance& tolerance) {
  return FirstDifference(actual, expected, tolerance);
}

std::string Difference(std::span<const double> actual, std::span<const double> expected,
                       const Tolerance& tolerance) {
  return FirstDifference(actual, expected, tolerance);
}

}  // namespace auspex::model
