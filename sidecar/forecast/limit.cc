#include "sidecar/forecast/limit.h"

#include <algorithm>
#include <limits>
#include <span>

namespace auspex {
namespace {

// P(value >= limit) when the value has these quantiles. `values` ascend with `levels`.
double ProbabilityAtLeast(std::span<const double> levels, std::span<const float> values,
                          double limit) {
  const size_t n = levels.size();
  if (n == 1) return values[0] >= limit ? 1.0 : 0.0;
  // The segment whose line answers: the one that holds the limit, or the outermost one.
  size_t i = 0;
  while (i + 2 < n && values[i + 1] < limit) ++i;
  const double width = static_cast<double>(values[i + 1]) - values[i];
  if (width <= 0) return values[i] >= limit ? 1.0 : 0.0;
  const double below = levels[i] + (levels[i + 1] - levels[i]) * (limit - values[i]) / width;
  return std::clamp(1.0 - below, 0.0, 1.0);
}

bool AtLimitAlready(const Forecast& forecast) { return forecast.last_value >= forecast.limit; }

}  // namespace

double SecondsToLimit(const Forecast& forecast, size_t q, TimestampMs now_ms) {
  if (IsMissing(forecast.limit)) return std::numeric_limits<double>::quiet_NaN();
  if (AtLimitAlready(forecast)) return 0;
  const size_t levels = forecast.quantile_levels.size();
  double previous = forecast.last_value;
  for (int k = 1; k <= forecast.horizon_steps(); ++k) {
    const double value = forecast.values[(k - 1) * levels + q];
    if (value >= forecast.limit) {
      const double share = value > previous ? (forecast.limit - previous) / (value - previous) : 0;
      const double reached_ms =
          static_cast<double>(forecast.origin_ms) + (k - 1 + share) * forecast.step_ms;
      return std::max(0.0, (reached_ms - static_cast<double>(now_ms)) / 1000.0);
    }
    previous = value;
  }
  return std::numeric_limits<double>::infinity();
}

double BreachProbability(const Forecast& forecast, DurationMs lead_ms, TimestampMs now_ms) {
  if (IsMissing(forecast.limit)) return std::numeric_limits<double>::quiet_NaN();
  if (AtLimitAlready(forecast)) return 1;
  const size_t levels = forecast.quantile_levels.size();
  double probability = 0;
  for (int k = 1; k <= forecast.horizon_steps(); ++k) {
    if (forecast.origin_ms + k * forecast.step_ms > now_ms + lead_ms) break;
    const std::span<const float> row(&forecast.values[(k - 1) * levels], levels);
    probability =
        std::max(probability, ProbabilityAtLeast(forecast.quantile_levels, row, forecast.limit));
  }
  return probability;
}

}  // namespace auspex
