#include "model/eval/scores.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace auspex::model {
namespace {

// The mean of what was added; NaN counts as not there.
class Mean {
 public:
  void Add(double value) {
    if (std::isnan(value)) return;
    sum_ += value;
    ++count_;
  }
  double value() const {
    return count_ > 0 ? sum_ / count_ : std::numeric_limits<double>::quiet_NaN();
  }

 private:
  double sum_ = 0;
  int count_ = 0;
};

}  // namespace

double PinballLoss(double level, double truth, double forecast) {
  const double error = truth - forecast;
  return std::max(level * error, (level - 1) * error);
}

double MeanAbsoluteError(std::span<const float> truth, std::span<const float> forecast) {
  Mean mean;
  for (size_t i = 0; i < truth.size(); ++i) {
    mean.Add(std::abs(static_cast<double>(truth[i]) - static_cast<double>(forecast[i])));
  }
  return mean.value();
}

double SeasonalChange(std::span<const float> history, int season_steps) {
  const auto season = static_cast<size_t>(season_steps);
  if (history.size() <= season) return Mean().value();
  return MeanAbsoluteError(history.subspan(season), history.first(history.size() - season));
}

double Coverage(std::span<const float> truth, std::span<const float> low,
                std::span<const float> high) {
  Mean mean;
  for (size_t i = 0; i < truth.size(); ++i) {
    if (!std::isnan(truth[i])) mean.Add(low[i] <= truth[i] && truth[i] <= high[i] ? 1 : 0);
  }
  return mean.value();
}

}  // namespace auspex::model
