#include <algorithm>
#include <cmath>
#include <limits>

#include "model/features/features.h"

namespace auspex::model {

SeriesIndex::SeriesIndex(const ModelSpec& spec, std::span<const float> values, int64_t first_ms)
    : step_ms_(spec.step_ms) {
  Assign(values, first_ms);
}

void SeriesIndex::Assign(std::span<const float> values, int64_t first_ms) {
  first_ms_ = first_ms;
  filled_.resize(values.size());
  sum_.resize(values.size() + 1);
  sum_error_.resize(values.size() + 1);
  observed_.resize(values.size() + 1);
  sum_[0] = 0;
  sum_error_[0] = 0;
  observed_[0] = 0;
  float newest = 0;
  double sum = 0;
  double error = 0;
  int32_t count = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) {
      newest = values[i];
      ++count;
    }
    filled_[i] = newest;
    // Two-sum (Knuth, TAOCP 2, 4.2.2): `rounded` plus what is added to `error` is the exact sum.
    const double value = newest;
    const double rounded = sum + value;
    const double added = rounded - sum;
    error += (sum - (rounded - added)) + (value - added);
    sum = rounded;
    sum_[i + 1] = sum;
    sum_error_[i + 1] = error;
    observed_[i + 1] = count;
  }
}

float SeriesIndex::raw(int i) const {
  return observed(i) ? filled(i) : std::numeric_limits<float>::quiet_NaN();
}

double SeriesIndex::Sum(int begin, int end) const {
  const auto a = static_cast<size_t>(begin);
  const auto b = static_cast<size_t>(end);
  return (sum_[b] - sum_[a]) + (sum_error_[b] - sum_error_[a]);
}

int SeriesIndex::ObservedCount(int begin, int end) const {
  return observed_[static_cast<size_t>(end)] - observed_[static_cast<size_t>(begin)];
}

int SeriesIndex::FirstObserved(int begin, int end) const {
  const int32_t before = observed_[static_cast<size_t>(begin)];
  const auto found =
      std::upper_bound(observed_.begin() + begin + 1, observed_.begin() + end + 1, before);
  return static_cast<int>(found - observed_.begin()) - 1;
}

}  // namespace auspex::model
