#include "model/features/backtest.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
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

// Statistics of past origins. The plans share some of them.
class PastOrigins {
 public:
  PastOrigins(const HistoryView& view, const Season& season) : view_(view), season_(season) {}

  const OriginStatistics& At(int origin) {
    const auto end = origins_.begin() + known_;
    const auto found = std::find(origins_.begin(), end, origin) - origins_.begin();
    const auto i = static_cast<size_t>(found);
    if (found == known_) {
      origins_[i] = origin;
      statistics_[i] = StatisticsOf(view_.Until(origin), season_);
      ++known_;
    }
    return statistics_[i];
  }

 private:
  static constexpr size_t kMax = kShortBack.size() + kLongBack.size();

  const HistoryView& view_;
  const Season& season_;
  std::ptrdiff_t known_ = 0;
  std::array<int, kMax> origins_{};
  std::array<OriginStatistics, kMax> statistics_{};
};

// The targets of a past origin whose truth is known: steps after it, and values.
struct PastTargets {
  PastTargets(const HistoryView& view, int origin, int horizon, std::span<const double> leads) {
    int previous = 0;
    for (const double lead : leads) {
      const int steps = std::max(1, static_cast<int>(std::lround(lead * horizon)));
      const int target = origin + steps;
      if (steps == previous || target > view.last()) continue;
      previous = steps;
      if (!view.Observed(target)) continue;
      k[count] = steps;
      truths[count++] = view.At(target);
    }
  }

  size_t count = 0;
  std::array<int, kLongLeads.size()> k{};
  std::array<double, kLongLeads.size()> truths{};
};

// Adds the errors of the candidates of these targets.
void AddErrors(const CandidateRows& rows, const PastTargets& targets, double weight,
               Errors* errors) {
  for (size_t j = 0; j < kCandidates; ++j) {
    double sum = 0;
    for (size_t t = 0; t < targets.count; ++t) {
      sum += std::abs(rows.values[j][t] - targets.truths[t]);
    }
    errors->sum[j] += weight * sum;
  }
  errors->weight += weight * static_cast<double>(targets.count);
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

std::array<float, kBacktestLogs> BacktestLogs(const HistoryView& view, const MovingMeans& smoothed,
                                              const Season& season, int horizon_steps, double scale,
                                              const CovariateForecast& announced) {
  std::array<float, kBacktestLogs> logs{};
  // A past origin needs some history of its own.
  const int earliest = view.first() + std::max(4, season.day / 4);
  const int horizon = std::min(horizon_steps, view.last() - earliest);
  if (horizon < 1) return logs;

  PastOrigins origins(view, season);
  CandidateRows rows;
  float* out = logs.data();
  for (const Plan& plan : kPlans) {
    Errors errors;
    for (const double back : plan.back) {
      const int origin = view.last() - std::max(1, static_cast<int>(back * horizon));
      if (origin < earliest) break;
      const PastTargets targets(view, origin, horizon, plan.leads);
      if (targets.count == 0) continue;
      const OriginStatistics& statistics = origins.At(origin);
      const auto k = std::span(targets.k).first(targets.count);
      FillCandidates(view.Until(origin), smoothed, season, statistics, k, &rows);
      if (announced.known()) announced.From(origin).Fill(k, statistics, &rows);
      AddErrors(rows, targets, 1 / back, &errors);
    }
    AppendLogs(errors, scale, out);
    out += kCandidates;
  }
  return logs;
}

}  // namespace auspex::model
