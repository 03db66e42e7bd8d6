#include <algorithm>
#include <cmath>
#include <limits>

#include "model/eval/baselines.h"
#include "model/eval/coarse_series.h"

namespace auspex::model {
namespace {

constexpr int kSeasonsMax = 28;
constexpr int kSeasonsMin = 3;
constexpr size_t kValuesMin = 8;
// Two-sided 90 % of the normal distribution.
constexpr double kTestLevel = 1.645;

double MeanOf(std::span<const double> values) {
  double sum = 0;
  for (double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

// Whether the autocorrelation at a season stands out of what those of shorter lags explain
// (Bartlett's limit).
bool IsSeasonal(std::span<const double> values, size_t season) {
  if (season <= 1 || values.size() < kSeasonsMin * season) return false;
  const double mean = MeanOf(values);
  std::vector<double> products(season + 1);
  for (size_t lag = 0; lag <= season; ++lag) {
    for (size_t i = lag; i < values.size(); ++i) {
      products[lag] += (values[i] - mean) * (values[i - lag] - mean);
    }
  }
  if (!(products[0] > 0)) return false;
  double squares = 1;
  for (size_t lag = 1; lag < season; ++lag) {
    const double correlation = products[lag] / products[0];
    squares += 2 * correlation * correlation;
  }
  const double limit = kTestLevel * std::sqrt(squares / static_cast<double>(values.size()));
  return std::abs(products[season] / products[0]) > limit;
}

// What a season adds to (or multiplies) the values, by step since the start of the series.
class SeasonalShape {
 public:
  // None: changes nothing.
  SeasonalShape() : shape_{0} {}
  // Classical decomposition: by phase, the mean distance from (ratio to) the moving mean over a
  // season.
  SeasonalShape(std::span<const double> values, size_t season, bool multiplicative)
      : multiplicative_(multiplicative), shape_(season) {
    std::vector<int> counts(season);
    const size_t half = season / 2;
    for (size_t i = half; i + half < values.size(); ++i) {
      double mean = MeanOf(values.subspan(i - half, season));
      // An even season has no middle: the mean of the two windows beside it.
      if (season % 2 == 0) mean = (mean + MeanOf(values.subspan(i - half + 1, season))) / 2;
      shape_[i % season] += multiplicative ? values[i] / mean : values[i] - mean;
      ++counts[i % season];
    }
    for (size_t i = 0; i < season; ++i) shape_[i] /= counts[i];
    const double centre = MeanOf(shape_);
    for (double& part : shape_) part = multiplicative ? part / centre : part - centre;
  }

  double Remove(double value, size_t step) const {
    const double part = shape_[step % shape_.size()];
    return multiplicative_ ? value / part : value - part;
  }
  double Apply(double value, size_t step) const {
    const double part = shape_[step % shape_.size()];
    return multiplicative_ ? value * part : value + part;
  }

 private:
  bool multiplicative_ = false;
  std::vector<double> shape_;
};

struct Line {
  double intercept = 0;
  double slope = 0;
  double At(size_t i) const { return intercept + slope * static_cast<double>(i); }
};

Line LeastSquares(std::span<const double> values) {
  const double centre = static_cast<double>(values.size() - 1) / 2;
  const double mean = MeanOf(values);
  double covariance = 0;
  double variance = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double time = static_cast<double>(i) - centre;
    covariance += time * (values[i] - mean);
    variance += time * time;
  }
  const double slope = covariance / variance;
  return {.intercept = mean - slope * centre, .slope = slope};
}

struct Smoothed {
  double level = 0;  // after the newest value
  double squares = std::numeric_limits<double>::infinity();
};

// Simple exponential smoothing from the start level with the least squared error: the errors are
// linear in it, so it needs no search.
Smoothed Smooth(std::span<const double> values, double gain) {
  double level = 0;       // had it started at 0
  double start_left = 1;  // share of the start level that is left
  double error_start = 0;
  double start_start = 0;
  double error_error = 0;
  for (double value : values) {
    const double error = value - level;
    error_start += error * start_left;
    start_start += start_left * start_left;
    error_error += error * error;
    level += gain * error;
    start_left *= 1 - gain;
  }
  const double start = error_start / start_start;
  return {.level = level + start * start_left, .squares = error_error - start * error_start};
}

// The level after the newest value, with the best of a grid of gains.
double SmoothedLevel(std::span<const double> values) {
  constexpr int kGains = 100;
  Smoothed best;
  for (int i = 1; i <= kGains; ++i) {
    const Smoothed smoothed = Smooth(values, static_cast<double>(i) / kGains);
    if (smoothed.squares < best.squares) best = smoothed;
  }
  return best.level;
}

}  // namespace

std::vector<float> Theta(std::span<const float> history, int season_steps, int horizon_steps) {
  const CoarseSeries series = MakeCoarseSeries(history, season_steps, kSeasonsMax);
  if (series.values.size() < kValuesMin) return Last(history, horizon_steps);
  std::vector<double> values = series.values;
  const auto season = static_cast<size_t>(series.season);
  SeasonalShape shape;
  if (IsSeasonal(values, season)) {
    const bool positive = *std::min_element(values.begin(), values.end()) > 0;
    shape = SeasonalShape(values, season, positive);
  }
  for (size_t i = 0; i < values.size(); ++i) values[i] = shape.Remove(values[i], i);
  const Line line = LeastSquares(values);
  // The other line has the same regression line and twice the distance from it.
  std::vector<double> curved;
  for (size_t i = 0; i < values.size(); ++i) curved.push_back(2 * values[i] - line.At(i));
  const double level = SmoothedLevel(curved);
  std::vector<double> forecast;
  for (int k = 0; k < CoarseHorizon(series, horizon_steps); ++k) {
    const size_t step = values.size() + static_cast<size_t>(k);
    forecast.push_back(shape.Apply((level + line.At(step)) / 2, step));
  }
  return RefineForecast(series, forecast, horizon_steps);
}

}  // namespace auspex::model
