#include "model/eval/anomaly_scorer.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "model/features/candidates.h"
#include "model/features/history_view.h"

namespace auspex::model {
namespace {

// Errors that say what is normal: a day of them, and on coarse grids more.
constexpr int kLearnedMin = 48;
// Errors below this share of the value are no errors: rounding, and constant series that move by a
// hair.
constexpr double kErrorFloor = 1e-3;
constexpr double kScoreMax = 1000;

double FloorFor(double value, double forecast) {
  constexpr double kTiny = 1e-30;  // where both are zero
  return std::max(kTiny, kErrorFloor * std::max(std::abs(value), std::abs(forecast)));
}

}  // namespace

AnomalyScorer::AnomalyScorer(const ModelSpec& spec)
    : season_(spec), context_steps_(spec.context_steps), forgetting_(2.0 / (season_.day + 1)) {}

void AnomalyScorer::Close(const SeriesIndex& series, int i) {
  if (series.observed(i) && forecast_known_) Learn(i, series.raw(i));
  while (!worst_.empty() && worst_.front().step <= i - season_.week) worst_.pop_front();
  Forecast(series, i);
}

void AnomalyScorer::Learn(int i, float value) {
  ++learned_;
  // A plain mean at first, so that the first error is not the one that lasts.
  const double share = std::max(forgetting_, 1.0 / learned_);
  for (size_t j = 0; j < kCandidates; ++j) {
    errors_[j] += share * (std::abs(value - candidates_[j]) - errors_[j]);
  }
  const Error error{.step = i, .size = std::abs(value - forecast_)};
  while (!worst_.empty() && worst_.back().size <= error.size) worst_.pop_back();
  worst_.push_back(error);
}

void AnomalyScorer::Forecast(const SeriesIndex& series, int i) {
  const int begin = std::max(0, i + 1 - context_steps_);
  const std::optional<HistoryView> view = HistoryView::From(series, begin, i);
  forecast_known_ = view.has_value();
  if (!forecast_known_) return;
  candidates_ = CandidatesAt(*view, season_, StatisticsOf(*view, season_), 1);
  double sum = 0;
  double weights = 0;
  for (size_t j = 0; j < kCandidates; ++j) {
    const double error = errors_[j] + FloorFor(candidates_[j], candidates_[kCandidateLast]);
    const double weight = 1 / (error * error);
    sum += weight * candidates_[j];
    weights += weight;
  }
  forecast_ = sum / weights;
}

double AnomalyScorer::Score(float value) const {
  const bool normal_known = learned_ >= std::max(kLearnedMin, season_.day) && !worst_.empty();
  if (!normal_known || !forecast_known_) return 0;
  if (!std::isfinite(value)) return kScoreMax;
  const double normal = std::max(worst_.front().size, FloorFor(value, forecast_));
  return std::min(kScoreMax, std::abs(value - forecast_) / normal);
}

}  // namespace auspex::model
