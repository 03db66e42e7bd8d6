#include <algorithm>
#include <cmath>
#include <limits>

#include "model/features/features.h"

namespace auspex::model {

SeriesIndex::SeriesIndex(const ModelSpec& spec, std::span<const float> values, int64_t first_ms,
                         std::span<const float> covariates)
    : step_ms_(spec.step_ms), covariates_(spec.covariates.size(), SeriesIndex(spec.step_ms)) {
  Assign(values, first_ms, covariates);
}

void SeriesIndex::Assign(std::span<const float> values, int64_t first_ms,
                         std::span<const float> covariates) {
  Fill(values, first_ms);
  for (size_t i = 0; i < covariates_.size(); ++i) {
    covariates_[i].Fill(covariates.subspan(i * values.size(), values.size()), first_ms);
  }
}

void SeriesIndex::Fill(std::span<const float> values, int64_t first_ms) {
  first_ms_ = first_ms;
  filled_.resize(values.size());
  sums_.resize(values.size() + 1);
  observed_.resize(values.size() + 1);
  sums_[0] = {0, 0};
  observed_[0] = 0;
  float newest = 0;
  double sum = 0;
  double error = 0;
  int32_t count = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    // Selects, so that gaps at random places cost no mispredicted branches.
    const bool finite = std::isfinite(values[i]);
    newest = finite ? values[i] : newest;
    count += finite ? 1 : 0;
    filled_[i] = newest;
    // Two-sum (Knuth, TAOCP 2, 4.2.2): `rounded` plus what is added to `error` is the exact sum.
    const double value = newest;
    const double rounded = sum + value;
    const double added = rounded - sum;
    error += (sum - (rounded - added)) + (value - added);
    sum = rounded;
    sums_[i + 1] = {sum, error};
    observed_[i + 1] = count;
  }
}

float SeriesIndex::raw(int i) const {
  return observed(i) ? filled(i) : std::numeric_limits<float>::quiet_NaN();
}

int SeriesIndex::FirstObserved(int begin, int end) const {
  const int32_t before = observed_[static_cast<size_t>(begin)];
  const auto found =
      std::upper_bound(observed_.begin() + begin + 1, observed_.begin() + end + 1, before);
  return static_cast<int>(found - observed_.begin()) - 1;
}

}  // namespace auspex::model
