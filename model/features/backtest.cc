#include "model/features/backtest.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

#include "model/features/candidates.h"

namespace auspex::model {
namespace {

// Where the past origins lie, in horizons before the window's, and which targets of each count, as
// shares of the horizon.
struct Plan {
  std::span<const double> back;
  std::span<const double> leads;
};
constexpr std::array<double, 8> kShortBack = {0.125, 0.25, 0.375, 0.5, 0.75, 1.0, 1.5, 2.0};
constexpr std::array<double, 4> kShortLeads = {1.0 / 48, 1.0 / 24, 1.0 / 12, 1.0 / 8};
constexpr std::array<double, 4> kLongBack = {1.0, 1.5, 2.0, 3.0};
constexpr std::array<double, 7> kLongLeads = {1.0 / 7, 2.0 / 7, 3.0 / 7, 4.0 / 7,
                                              5.0 / 7, 6.0 / 7, 1.0};
constexpr std::array<Plan, 2> kPlans = {Plan{kShortBack, kShortLeads}, Plan{kLongBack, kLongLeads}};

constexpr double kErrorFloor = 1e-3;  // in scales
constexpr double kLogMax = 4;

struct Errors {
  std::array<double, kCandidates> sum{};
  double weight = 0;
};

// Adds the errors of the forecasts from the newest step of `past`, scored on `view`.
void AddErrors(const HistoryView& view, const HistoryView& past, const Season& season, int horizon,
               std::span<const double> leads, double weight,
               const std::optional<CovariateForecast::Origin>& announced, Errors* errors) {
  const OriginStatistics statistics = StatisticsOf(past, season);
  int previous = 0;
  for (const double lead : leads) {
    const int k = std::max(1, static_cast<int>(std::lround(lead * horizon)));
    const int target = past.last() + k;
    if (k == previous || target > view.last()) continue;
    previous = k;
    if (!view.Observed(target)) continue;
    const double truth = view.At(target);
    Candidates candidates = CandidatesAt(past, season, statistics, k);
    if (announced) {
      candidates.values[kCandidateAnnounced] = announced->At(k, statistics, candidates);
    }
    for (size_t j = 0; j < kCandidates; ++j) {
      errors->sum[j] += weight * std::abs(candidates.values[j] - truth);
    }
    errors->weight += weight;
  }
}

void AppendLogs(const Errors& errors, double scale, float* out) {
  if (errors.weight == 0) return;
  const double floor = kErrorFloor * scale;
  const double best = *std::min_element(errors.sum.begin(), errors.sum.end()) / errors.weight;
  for (const double sum : errors.sum) {
    const double ratio = (sum / errors.weight + floor) / (best + floor);
    *out++ = static_cast<float>(std::min(std::log(ratio), kLogMax));
  }
}

}  // namespace

std::array<float, kBacktestLogs> BacktestLogs(const HistoryView& view, const Season& season,
                                              int horizon_steps, double scale,
                                              const CovariateForecast& announced) {
  std::array<float, kBacktestLogs> logs{};
  // A past origin needs some history of its own.
  const int earliest = view.first() + std::max(4, season.day / 4);
  const int horizon = std::min(horizon_steps, view.last() - earliest);
  if (horizon < 1) return logs;

  float* out = logs.data();
  for (const Plan& plan : kPlans) {
    Errors errors;
    for (const double back : plan.back) {
      const int origin = view.last() - std::max(1, static_cast<int>(back * horizon));
      if (origin < earliest) break;
      std::optional<CovariateForecast::Origin> from;
      if (announced.known()) from = announced.From(origin);
      AddErrors(view, view.Until(origin), season, horizon, plan.leads, 1 / back, from, &errors);
    }
    AppendLogs(errors, scale, out);
    out += kCandidates;
  }
  return logs;
}

}  // namespace auspex::model
