// A sum of doubles whose rounding errors do not add up (Neumaier's variant of Kahan's algorithm:
// A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", 1974).
#pragma once

#include <cmath>

namespace auspex {

// A plain value. NaN and infinities behave as in ordinary addition, and a sum that has overflowed
// stays infinite.
class CompensatedSum {
 public:
  CompensatedSum() = default;
  explicit CompensatedSum(double start) : sum_(start) {}

  void Add(double value) {
    const double next = sum_ + value;
    if (std::isfinite(next)) {
      // What the larger operand swallowed of the smaller one.
      error_ += std::fabs(sum_) >= std::fabs(value) ? (sum_ - next) + value : (value - next) + sum_;
    }
    sum_ = next;
  }

  double Total() const { return std::isfinite(sum_) ? sum_ + error_ : sum_; }

 private:
  double sum_ = 0;
  double error_ = 0;
};

// Means are computed from values scaled down by a power of two, which is exact: the sum of any
// number of doubles then stays finite, as PromQL's mean does.
inline constexpr double kMeanScale = 0x1p-64;

}  // namespace auspex
