#include <algorithm>
#include <cmath>
#include <limits>

#include "model/eval/baselines.h"
#include "model/eval/coarse_series.h"
#include "model/eval/minimize.h"

namespace auspex::model {
namespace {

constexpr int kSeasonsMax = 28;
constexpr int kSeasonsMin = 3;
constexpr int kSeasonsForTrend = 4;
constexpr size_t kValuesMin = 8;
constexpr int kIterations = 150;
// Less damping than this is a straight line into the future, more forgets the trend at once.
constexpr double kDampingMin = 0.8;
constexpr double kDampingMax = 0.995;

struct Parameters {
  double level = 0;
  double trend = 0;  // share of the level's correction
  double season = 0;
  double damping = 0;
};

struct State {
  double level = 0;
  double trend = 0;
  std::vector<double> season;  // by step since the start of the series; one 0 without a season
};

// Each within its bounds, whatever the numbers that the search tries.
Parameters FromUnbounded(const std::array<double, 4>& point) {
  const auto share = [](double x) { return 1 / (1 + std::exp(-x)); };
  return {.level = share(point[0]),
          .trend = share(point[1]),
          .season = share(point[2]),
          .damping = kDampingMin + (kDampingMax - kDampingMin) * share(point[3])};
}

double MeanOf(std::span<const double> values) {
  double sum = 0;
  for (double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

// Without a season the series starts where it starts. Else the level and the trend are those of the
// first seasons, and the shape is the mean of all: one that holds then needs no correction.
State StartOf(std::span<const double> values, size_t season) {
  if (season == 1) return {.level = values[0], .trend = 0, .season = {0}};
  const size_t seasons = values.size() / season;
  std::vector<double> means;
  for (size_t s = 0; s < seasons; ++s) means.push_back(MeanOf(values.subspan(s * season, season)));
  const auto steps = static_cast<double>(season);
  const size_t first = std::min<size_t>(kSeasonsForTrend, seasons);
  State state{.season = std::vector<double>(season)};
  state.trend = (means[first - 1] - means[0]) / (steps * static_cast<double>(first - 1));
  state.level = means[0] - state.trend * (steps + 1) / 2;
  // What a trend does within a season is no part of the shape.
  const double slope = (means.back() - means[0]) / (steps * static_cast<double>(seasons - 1));
  for (size_t i = 0; i < season; ++i) {
    for (size_t s = 0; s < seasons; ++s) state.season[i] += values[s * season + i] - means[s];
    state.season[i] /= static_cast<double>(seasons);
    state.season[i] -= slope * (static_cast<double>(i) - (steps - 1) / 2);
  }
  return state;
}

// Runs over the values, leaving `state` after the newest. Returns the sum of squared one-step
// errors.
double Smooth(std::span<const double> values, const Parameters& parameters, State* state) {
  const double level_gain = parameters.level;
  const double trend_gain = parameters.level * parameters.trend;
  const double season_gain = (1 - parameters.level) * parameters.season;
  double squares = 0;
  size_t phase = 0;
  for (double value : values) {
    const double trend = parameters.damping * state->trend;
    const double base = state->level + trend;
    const double error = value - base - state->season[phase];
    squares += error * error;
    state->level = base + level_gain * error;
    state->trend = trend + trend_gain * error;
    if (state->season.size() > 1) state->season[phase] += season_gain * error;
    if (++phase == state->season.size()) phase = 0;
  }
  return squares;
}

Parameters Fit(std::span<const double> values, const State& start) {
  State state;
  const auto squares = [&](const std::array<double, 4>& point) {
    state = start;
    const double sum = Smooth(values, FromUnbounded(point), &state);
    return std::isnan(sum) ? std::numeric_limits<double>::infinity() : sum;
  };
  // The error has more than one valley: a slow level with a clear season, and a level that follows.
  constexpr std::array<std::array<double, 4>, 2> kStarts = {{{-2, -3, -1, 0}, {2, -3, -3, 0}}};
  std::array<double, 4> best = kStarts[0];
  double least = std::numeric_limits<double>::infinity();
  for (const auto& from : kStarts) {
    const auto point = Minimize(squares, from, 1.0, kIterations);
    const double sum = squares(point);
    if (sum < least) {
      least = sum;
      best = point;
    }
  }
  return FromUnbounded(best);
}

std::vector<double> Continue(const State& state, double damping, size_t values, int horizon) {
  std::vector<double> forecast;
  double trend = 0;
  double factor = 1;
  for (int k = 0; k < horizon; ++k) {
    factor *= damping;
    trend += factor * state.trend;
    const size_t phase = (values + static_cast<size_t>(k)) % state.season.size();
    forecast.push_back(state.level + trend + state.season[phase]);
  }
  return forecast;
}

}  // namespace

std::vector<float> HoltWinters(std::span<const float> history, int season_steps,
                               int horizon_steps) {
  const CoarseSeries series = MakeCoarseSeries(history, season_steps, kSeasonsMax);
  if (series.values.size() < kValuesMin) return Last(history, horizon_steps);
  auto season = static_cast<size_t>(series.season);
  if (series.values.size() < kSeasonsMin * season) season = 1;
  State state = StartOf(series.values, season);
  const Parameters parameters = Fit(series.values, state);
  Smooth(series.values, parameters, &state);
  const auto forecast = Continue(state, parameters.damping, series.values.size(),
                                 CoarseHorizon(series, horizon_steps));
  return RefineForecast(series, forecast, horizon_steps);
}

}  // namespace auspex::model
