#include "sidecar/core/forecast.h"

#include <cmath>

namespace auspex {

double Forecast::At(size_t q, TimestampMs target_ms) const {
  const TimestampMs end_ms = origin_ms + horizon_steps() * step_ms;
  if (target_ms < origin_ms || target_ms > end_ms || q >= quantile_levels.size() || step_ms <= 0) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  // Knot 0 is the origin; knot k > 0 is row k - 1.
  const auto knot = [&](DurationMs k) {
    return k == 0 ? last_value
                  : static_cast<double>(
                        values[static_cast<size_t>(k - 1) * quantile_levels.size() + q]);
  };
  const DurationMs before = (target_ms - origin_ms) / step_ms;
  const DurationMs into_ms = (target_ms - origin_ms) % step_ms;
  if (into_ms == 0) return knot(before);
  const double share = static_cast<double>(into_ms) / static_cast<double>(step_ms);
  return std::lerp(knot(before), knot(before + 1), share);
}

int Forecast::LevelIndex(double level) const {
  for (size_t i = 0; i < quantile_levels.size(); ++i) {
    if (std::abs(quantile_levels[i] - level) <= 1e-9) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace auspex
