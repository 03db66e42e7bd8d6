#include "sidecar/forecast/level_shift.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace auspex {
namespace {

constexpr DurationMs kRecent = 2 * kHour;
constexpr int kRecentValuesMin = 3;
constexpr double kWidths = 2;

// The values of a part of a context that are there.
std::vector<float> ValuesOf(std::span<const float> part) {
  std::vector<float> values;
  values.reserve(part.size());
  std::copy_if(part.begin(), part.end(), std::back_inserter(values),
               [](float value) { return !IsMissing(value); });
  return values;
}

// REQUIRES: not empty. Reorders the values.
float Quantile(std::vector<float>& values, double level) {
  const auto at = values.begin() + std::lround(level * (values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace

bool IsLevelShift(std::span<const float> context, DurationMs step_ms) {
  const auto day = static_cast<size_t>(std::max<DurationMs>(1, kDay / step_ms));
  const auto recent_steps =
      static_cast<size_t>(std::max<DurationMs>(kRecentValuesMin, kRecent / step_ms));
  if (context.size() < recent_steps + day) return false;
  const std::vector<float> recent = ValuesOf(context.last(recent_steps));
  if (recent.size() < kRecentValuesMin) return false;
  const auto [low, high] = std::minmax_element(recent.begin(), recent.end());

  context = context.first(context.size() - recent_steps);
  std::vector<float> before = ValuesOf(context.last(std::min(context.size(), 7 * day)));
  if (before.size() < day) return false;
  // Nothing near the extremes is a shift: this spares the sorting below for almost every series.
  const auto [lowest, highest] = std::minmax_element(before.begin(), before.end());
  const double middle = (static_cast<double>(*lowest) + *highest) / 2;
  if (*low <= middle && *high >= middle) return false;

  const double width = static_cast<double>(Quantile(before, 0.9)) - Quantile(before, 0.1);
  return *low - static_cast<double>(Quantile(before, 0.95)) > kWidths * width ||
         static_cast<double>(Quantile(before, 0.05)) - *high > kWidths * width;
}

}  // namespace auspex
