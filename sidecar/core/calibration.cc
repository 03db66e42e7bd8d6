#include "sidecar/core/calibration.h"

#include <algorithm>
#include <cstddef>

namespace auspex {
namespace {

bool IsLast(float quantile, const CalibrationContext& context) {
  return quantile == static_cast<float>(context.last_value);
}

// One side of the median: quantiles[(median + i * direction)] for i = 1..count, outwards.
void CalibrateSide(double factor, size_t median, ptrdiff_t direction, size_t count,
                   const CalibrationContext& context, std::span<float> quantiles) {
  const auto at = [&](size_t i) -> float& {
    return quantiles[static_cast<size_t>(static_cast<ptrdiff_t>(median) +
                                         static_cast<ptrdiff_t>(i) * direction)];
  };
  const float centre = quantiles[median];
  const auto last = static_cast<float>(context.last_value);
  // Quantiles between the median and one that is the last value must not pass it; those outside of
  // one must not come back over it.
  size_t first_last = count + 1;
  size_t final_last = 0;
  for (size_t i = 1; i <= count; ++i) {
    if (!IsLast(at(i), context)) continue;
    first_last = std::min(first_last, i);
    final_last = i;
  }
  for (size_t i = 1; i <= count; ++i) {
    float& value = at(i);
    if (!Adjustable(value, centre, context)) continue;
    float next = static_cast<float>(
        centre + factor * (static_cast<double>(value) - static_cast<double>(centre)));
    const bool beyond = direction < 0 ? next < last : next > last;
    if (i < first_last && first_last <= count && beyond) next = last;
    if (i > final_last && final_last > 0 && !beyond) next = last;
    if (context.never_negative) next = std::max(next, 0.0F);
    value = next;
  }
}

}  // namespace

bool Adjustable(float quantile, float median, const CalibrationContext& context) {
  if (quantile == median || IsLast(quantile, context)) return false;
  return !(context.never_negative && quantile == 0);
}

void CalibrateTarget(double factor, size_t median, const CalibrationContext& context,
                     std::span<float> quantiles) {
  CalibrateSide(factor, median, -1, median, context, quantiles);
  CalibrateSide(factor, median, 1, quantiles.size() - 1 - median, context, quantiles);
}

void CalibrateTargets(double factor, size_t median, const CalibrationContext& context,
                      size_t levels, std::span<float> quantiles) {
  if (factor == 1) return;
  for (size_t i = 0; i < quantiles.size(); i += levels) {
    CalibrateTarget(factor, median, context, quantiles.subspan(i, levels));
  }
}

}  // namespace auspex
