#include "model/features/backtest.h"

#include <algorithm>
#include <cmath>

#include "model/features/candidates.h"

namespace auspex::model {
namespace {

constexpr std::array<double, 4> kHorizonsBack = {1.0, 1.5, 2.0, 3.0};
constexpr int kTargets = 8;
constexpr double kErrorFloor = 1e-3;  // in scales
constexpr double kLogMax = 4;

struct Errors {
  std::array<double, kCandidates> sum{};
  double weight = 0;
};

// Adds the errors of the forecasts from the newest step of `past`, scored on `view`.
void AddErrors(const HistoryView& view, const HistoryView& past, const Season& season, int horizon,
               double weight, Errors* errors) {
  const OriginStatistics statistics = StatisticsOf(past, season);
  int previous = 0;
  for (int i = 0; i < kTargets; ++i) {
    const int k = 1 + i * (horizon - 1) / (kTargets - 1);
    if (k == previous) continue;
    previous = k;
    const int target = past.last() + k;
    if (!view.Observed(target)) continue;
    const double truth = view.At(target);
    const Candidates candidates = CandidatesAt(past, season, statistics, k);
    for (size_t j = 0; j < kCandidates; ++j) {
      errors->sum[j] += weight * std::abs(candidates.values[j] - truth);
    }
    errors->weight += weight;
  }
}

}  // namespace

std::array<float, kCandidates> BacktestLogs(const HistoryView& view, const Season& season,
                                            int horizon_steps, double scale) {
  std::array<float, kCandidates> logs{};
  // A past origin needs some history of its own.
  const int earliest = view.first() + std::max(4, season.day / 4);
  const int horizon = std::min(horizon_steps, view.last() - earliest);
  if (horizon < 1) return logs;

  Errors errors;
  for (double back : kHorizonsBack) {
    const int origin = view.last() - static_cast<int>(back * horizon);
    if (origin < earliest) break;
    AddErrors(view, view.Until(origin), season, horizon, 1 / back, &errors);
  }
  if (errors.weight == 0) return logs;
  const double floor = kErrorFloor * scale;
  const double best = *std::min_element(errors.sum.begin(), errors.sum.end()) / errors.weight;
  for (size_t j = 0; j < kCandidates; ++j) {
    const double error = errors.sum[j] / errors.weight;
    logs[j] = static_cast<float>(std::min(std::log((error + floor) / (best + floor)), kLogMax));
  }
  return logs;
}

}  // namespace auspex::model
