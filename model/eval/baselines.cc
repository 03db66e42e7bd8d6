#include "model/eval/baselines.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace auspex::model {
namespace {

constexpr size_t kSeasonsBack = 4;

}  // namespace

double LastValue(std::span<const float> history) {
  for (size_t i = history.size(); i > 0; --i) {
    if (!std::isnan(history[i - 1])) return history[i - 1];
  }
  return std::numeric_limits<double>::quiet_NaN();
}

std::vector<float> Last(std::span<const float> history, int horizon_steps) {
  return std::vector<float>(static_cast<size_t>(horizon_steps),
                            static_cast<float>(LastValue(history)));
}

std::vector<float> SeasonalNaive(std::span<const float> history, int season_steps,
                                 int horizon_steps) {
  const auto season = static_cast<size_t>(season_steps);
  std::vector<float> forecast = Last(history, horizon_steps);
  for (size_t k = 0; k < forecast.size(); ++k) {
    for (size_t seasons = 1; seasons <= kSeasonsBack; ++seasons) {
      const size_t back = seasons * season - k % season;
      if (back > history.size()) break;
      const float value = history[history.size() - back];
      if (std::isnan(value)) continue;
      forecast[k] = value;
      break;
    }
  }
  return forecast;
}

int PredictLinearWindow(double step_seconds) {
  constexpr double kFineStepSeconds = 300;
  constexpr double kFineWindowSeconds = 4 * 3600;
  constexpr int kCoarseWindowSteps = 24;
  if (step_seconds > kFineStepSeconds) return kCoarseWindowSteps;
  return static_cast<int>(std::ceil(kFineWindowSeconds / step_seconds));
}

std::vector<float> PredictLinear(std::span<const float> history, int window_steps,
                                 int horizon_steps) {
  const auto window =
      history.last(std::min(history.size(), static_cast<size_t>(std::max(window_steps, 1))));
  // The newest step is at time 0, as PromQL's evaluation time is.
  const auto time_of = [&](size_t i) { return -static_cast<double>(window.size() - 1 - i); };
  double count = 0;
  double time_mean = 0;
  double mean = 0;
  for (size_t i = 0; i < window.size(); ++i) {
    if (std::isnan(window[i])) continue;
    ++count;
    time_mean += (time_of(i) - time_mean) / count;
    mean += (window[i] - mean) / count;
  }
  if (count == 0) return Last(history, horizon_steps);
  double covariance = 0;
  double variance = 0;
  for (size_t i = 0; i < window.size(); ++i) {
    if (std::isnan(window[i])) continue;
    const double time = time_of(i) - time_mean;
    covariance += time * (window[i] - mean);
    variance += time * time;
  }
  const double slope = variance > 0 ? covariance / variance : 0;
  std::vector<float> forecast(static_cast<size_t>(horizon_steps));
  for (size_t k = 0; k < forecast.size(); ++k) {
    const double time = static_cast<double>(k + 1) - time_mean;
    forecast[k] = static_cast<float>(mean + slope * time);
  }
  return forecast;
}

}  // namespace auspex::model
