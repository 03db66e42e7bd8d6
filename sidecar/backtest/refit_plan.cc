#include "sidecar/backtest/refit_plan.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "sidecar/core/duration.h"
#include "sidecar/core/rule.h"
#include "sidecar/trainer/retrain_policy.h"

namespace auspex {
namespace {

constexpr TimestampMs kNever = std::numeric_limits<TimestampMs>::max();

// Of the first value; kNever without one.
TimestampMs StartOf(const BacktestSeries& series, DurationMs step_ms) {
  const auto is_value = [](float value) { return !IsMissing(value); };
  const auto first = std::find_if(series.values.begin(), series.values.end(), is_value);
  if (first == series.values.end()) return kNever;
  return series.first_ms + (first - series.values.begin()) * step_ms;
}

class Planner {
 public:
  Planner(const std::vector<BacktestSeries>& series, const RefitPolicy& policy, DurationMs step_ms,
          DurationMs horizon_ms)
      : series_(series), policy_(policy), step_ms_(step_ms) {
    rule_.horizon_ms = horizon_ms;
    rule_.retrain.every_ms = policy.every_ms;
    for (const BacktestSeries& one : series) {
      starts_.push_back(StartOf(one, step_ms));
      origins_.insert(one.origins_ms.begin(), one.origins_ms.end());
    }
    if (!starts_.empty()) start_ms_ = *std::min_element(starts_.begin(), starts_.end());
  }

  std::vector<Refit> Plan() {
    const std::set<TimestampMs> fits =
        policy_.kind == RefitPolicy::Kind::kFirst ? FirstOrigins() : DueOrigins();
    // Without a key: before any training.
    std::map<std::optional<TimestampMs>, Refit> refits;
    for (size_t i = 0; i < series_.size(); ++i) {
      for (const PlannedForecast& forecast : ForecastsOf(i)) {
        const auto fit_ms = FitFor(forecast, fits);
        Refit& refit = refits[fit_ms];
        refit.trains = fit_ms.has_value();
        refit.fit_ms = fit_ms.value_or(0);
        refit.forecasts.push_back(forecast);
      }
    }
    std::vector<Refit> plan;
    for (auto& [fit_ms, refit] : refits) plan.push_back(std::move(refit));
    return plan;
  }

 private:
  DurationMs HistoryAt(TimestampMs t) const { return start_ms_ > t ? 0 : t - start_ms_ + step_ms_; }
  bool CanTrainAt(TimestampMs t) const { return HistoryAt(t) >= TrainingHistoryMin(rule_); }

  // The first origins of the series where that is enough history to train.
  std::set<TimestampMs> FirstOrigins() const {
    std::set<TimestampMs> fits;
    for (const BacktestSeries& one : series_) {
      if (!one.origins_ms.empty() && CanTrainAt(one.origins_ms.front())) {
        fits.insert(one.origins_ms.front());
      }
    }
    return fits;
  }

  std::set<TimestampMs> DueOrigins() const {
    std::set<TimestampMs> fits;
    int since = 0;  // origins from the latest fit on
    for (const TimestampMs origin_ms : origins_) {
      ++since;
      if (!CanTrainAt(origin_ms) || (!fits.empty() && !IsDue(*fits.rbegin(), since, origin_ms))) {
        continue;
      }
      fits.insert(origin_ms);
      since = 0;
    }
    return fits;
  }

  bool IsDue(TimestampMs fit_ms, int origins_since, TimestampMs origin_ms) const {
    if (policy_.kind == RefitPolicy::Kind::kOrigins) return origins_since >= policy_.origins;
    const TrainingState state{.history_ms = HistoryAt(origin_ms), .trained_at_ms = fit_ms};
    return DecideTraining(rule_, state, origin_ms).due;
  }

  std::vector<PlannedForecast> ForecastsOf(size_t i) const {
    std::vector<PlannedForecast> forecasts;
    const auto& origins = series_[i].origins_ms;
    for (const TimestampMs t : origins) {
      if (t >= starts_[i]) forecasts.push_back({i, t, false});
    }
    for (const TimestampMs t : series_[i].extra_origins_ms) {
      const bool known = std::binary_search(origins.begin(), origins.end(), t);
      if (t >= starts_[i] && !known) forecasts.push_back({i, t, true});
    }
    return forecasts;
  }

  std::optional<TimestampMs> FitFor(const PlannedForecast& forecast,
                                    const std::set<TimestampMs>& fits) const {
    const auto& origins = series_[forecast.series].origins_ms;
    if (policy_.kind == RefitPolicy::Kind::kFirst && !origins.empty()) {
      const TimestampMs first_ms = origins.front();
      const bool trained = fits.contains(first_ms) && forecast.origin_ms >= first_ms;
      return trained ? std::optional(first_ms) : std::nullopt;
    }
    const auto next = fits.upper_bound(forecast.origin_ms);
    return next == fits.begin() ? std::nullopt : std::optional(*std::prev(next));
  }

  const std::vector<BacktestSeries>& series_;
  const RefitPolicy policy_;
  const DurationMs step_ms_;
  Rule rule_;  // what the daemon's policy reads of one
  std::vector<TimestampMs> starts_;
  TimestampMs start_ms_ = kNever;  // of the series that begins first
  std::set<TimestampMs> origins_;
};

}  // namespace

absl::StatusOr<RefitPolicy> ParseRefitPolicy(std::string_view text) {
  constexpr std::string_view kEvery = "every-";
  RefitPolicy policy;
  if (text == "first") {
    policy.kind = RefitPolicy::Kind::kFirst;
    return policy;
  }
  if (text.starts_with(kEvery)) {
    const std::string rest(text.substr(kEvery.size()));
    if (absl::SimpleAtoi(rest, &policy.origins) && policy.origins >= 1) {
      policy.kind = RefitPolicy::Kind::kOrigins;
      return policy;
    }
    const auto every_ms = ParseDuration(rest);
    if (every_ms.ok() && *every_ms > 0) {
      policy.kind = RefitPolicy::Kind::kDuration;
      policy.every_ms = *every_ms;
      return policy;
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("must be first, every-N or every-DURATION, such as every-3 or every-24h, not ",
                   std::string(text)));
}

std::vector<Refit> PlanRefits(const std::vector<BacktestSeries>& series, const RefitPolicy& policy,
                              DurationMs step_ms, DurationMs horizon_ms) {
  return Planner(series, policy, step_ms, horizon_ms).Plan();
}

}  // namespace auspex
