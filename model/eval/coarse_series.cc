#include "model/eval/coarse_series.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/eval/baselines.h"

namespace auspex::model {
namespace {

constexpr int kSeasonStepsMin = 24;

int StepsToAverage(int season_steps) {
  for (int steps = season_steps / kSeasonStepsMin; steps > 1; --steps) {
    if (season_steps % steps == 0) return steps;
  }
  return 1;
}

double MeanOfPresent(std::span<const float> values) {
  double sum = 0;
  int count = 0;
  for (float value : values) {
    if (std::isnan(value)) continue;
    sum += value;
    ++count;
  }
  return count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN();
}

// Straight lines over the gaps between values; what is missing before the first is dropped.
void FillGaps(std::vector<double>* values) {
  const auto first =
      std::find_if(values->begin(), values->end(), [](double value) { return !std::isnan(value); });
  values->erase(values->begin(), first);
  size_t known = 0;
  for (size_t i = 1; i < values->size(); ++i) {
    if (std::isnan((*values)[i])) continue;
    const double slope = ((*values)[i] - (*values)[known]) / static_cast<double>(i - known);
    for (size_t gap = known + 1; gap < i; ++gap) {
      (*values)[gap] = (*values)[gap - 1] + slope;
    }
    known = i;
  }
}

// A gap at the end moves as the season before did: a flat one would be a change of level.
void FillEnd(size_t season, std::vector<double>* values) {
  for (size_t i = 1; i < values->size(); ++i) {
    if (!std::isnan((*values)[i])) continue;
    (*values)[i] = (*values)[i - 1];
    if (season > 1 && i > season) (*values)[i] += (*values)[i - season] - (*values)[i - 1 - season];
  }
}

}  // namespace

CoarseSeries MakeCoarseSeries(std::span<const float> history, int season_steps, int seasons_max) {
  CoarseSeries series;
  series.steps = StepsToAverage(season_steps);
  series.season = std::max(season_steps / series.steps, 1);
  series.last = LastValue(history);
  const auto steps = static_cast<size_t>(series.steps);
  const int season = series.season > 1 ? series.season : kSeasonStepsMin;
  const size_t count = std::min(history.size() / steps, static_cast<size_t>(season * seasons_max));
  history = history.last(count * steps);
  for (size_t i = 0; i < count; ++i) {
    series.values.push_back(MeanOfPresent(history.subspan(i * steps, steps)));
  }
  FillGaps(&series.values);
  FillEnd(static_cast<size_t>(series.season), &series.values);
  return series;
}

int CoarseHorizon(const CoarseSeries& series, int horizon_steps) {
  return (horizon_steps + series.steps - 1) / series.steps + (series.steps > 1 ? 1 : 0);
}

std::vector<float> RefineForecast(const CoarseSeries& series, std::span<const double> forecast,
                                  int horizon_steps) {
  std::vector<float> refined;
  for (int k = 1; k <= horizon_steps; ++k) {
    // In coarse steps after the centre of the first one, which covers the steps 1 to `steps`.
    const double first_centre = 0.5 * (1 + series.steps);
    const double place = (k - first_centre) / series.steps;
    double value = 0;
    if (place < 0) {
      value = series.last + (forecast[0] - series.last) * k / first_centre;
    } else {
      const auto left = static_cast<size_t>(place);
      const double share = place - static_cast<double>(left);
      value = forecast[left];
      if (share > 0) value += share * (forecast[left + 1] - value);
    }
    refined.push_back(static_cast<float>(value));
  }
  return refined;
}

}  // namespace auspex::model
