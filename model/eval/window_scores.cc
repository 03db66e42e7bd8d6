#include "model/eval/window_scores.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/eval/baselines.h"
#include "model/eval/scores.h"

namespace auspex::model {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kSmallMoveScales = 0.1;
constexpr double kRatioMin = 1e-3;
constexpr double kRatioMax = 1e3;
constexpr double kIntervalShareMin = 0.99;
// 2 / alpha of the interval score, for an interval of 80 %.
constexpr double kOutsideWeight = 10;

int Sign(double value) { return (value > 0) - (value < 0); }

double Ratio(double numerator, double denominator) {
  return denominator > 0 ? numerator / denominator : kNone;
}

double ScaleOf(std::span<const float> history, int season_steps) {
  const bool short_history = history.size() <= static_cast<size_t>(season_steps);
  return SeasonalChange(history, short_history ? 1 : season_steps);
}

void AddPoint(double truth, double forecast, double naive, double last, WindowScores* scores) {
  const double error = std::abs(truth - forecast);
  scores->answered += 1;
  scores->absolute_error += error;
  scores->squared_error += error * error;
  scores->naive_absolute_error += std::abs(truth - naive);
  const double size = std::abs(truth) + std::abs(forecast);
  if (size > 0) scores->smape += 200 * error / size;
  if (truth != 0) {
    scores->percent_error_sum += 100 * error / std::abs(truth);
    scores->percent_error_count += 1;
  }
  scores->truth_sum += std::abs(truth);
  scores->median_pinball_sum += PinballLoss(0.5, truth, forecast);
  const double move = truth - last;
  const double small = std::isfinite(scores->scale) ? kSmallMoveScales * scores->scale : 0;
  if (std::abs(move) > small) {
    scores->direction_count += 1;
    scores->direction_right += Sign(move) == Sign(forecast - last) ? 1 : 0;
  }
}

void AddInterval(double truth, double low, double median, double high, WindowScores* scores) {
  scores->interval_count += 1;
  scores->inside_count += low <= truth && truth <= high ? 1 : 0;
  scores->interval_truth_sum += std::abs(truth);
  scores->interval_pinball_sum += (PinballLoss(0.1, truth, low) + PinballLoss(0.5, truth, median) +
                                   PinballLoss(0.9, truth, high)) /
                                  3;
  const double outside = std::max(low - truth, 0.0) + std::max(truth - high, 0.0);
  scores->width_sum += high - low;
  scores->interval_score_sum += high - low + kOutsideWeight * outside;
}

// Quarters as even as they can be, the first ones longer.
std::array<double, kHorizonQuarters> QuarterErrors(std::span<const float> truth,
                                                   std::span<const float> median) {
  std::array<double, kHorizonQuarters> errors;
  size_t k = 0;
  for (size_t q = 0; q < errors.size(); ++q) {
    const size_t end = k + (truth.size() + errors.size() - 1 - q) / errors.size();
    double sum = 0;
    int count = 0;
    for (; k < end; ++k) {
      if (std::isnan(truth[k]) || !std::isfinite(median[k])) continue;
      sum += std::abs(static_cast<double>(truth[k]) - static_cast<double>(median[k]));
      ++count;
    }
    errors[q] = Ratio(sum, count);
  }
  return errors;
}

// Mean of `measure` over the windows that have it.
template <typename Measure>
double MeanOf(std::span<const WindowScores> windows, Measure measure) {
  double sum = 0;
  int count = 0;
  for (const WindowScores& window : windows) {
    const double value = measure(window);
    if (std::isnan(value)) continue;
    sum += value;
    ++count;
  }
  return count > 0 ? sum / count : kNone;
}

template <typename Measure>
double SumOf(std::span<const WindowScores> windows, Measure measure) {
  double sum = 0;
  for (const WindowScores& window : windows) sum += measure(window);
  return sum;
}

double MaseOf(const WindowScores& window) { return Ratio(window.absolute_error, window.scale); }

double Median(std::vector<double> values) {
  std::erase_if(values, [](double value) { return std::isnan(value); });
  if (values.empty()) return kNone;
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double MaseMedian(std::span<const WindowScores> windows) {
  std::vector<double> values;
  for (const WindowScores& window : windows) values.push_back(MaseOf(window));
  return Median(std::move(values));
}

double LogRatioToNaive(const WindowScores& window) {
  const double error = window.absolute_error;
  const double naive = window.naive_absolute_error;
  if (error == 0 && naive == 0) return 0;
  const double ratio = naive > 0 ? error / naive : kRatioMax;
  return std::log(std::clamp(ratio, kRatioMin, kRatioMax));
}

double WeightedQuantileLoss(std::span<const WindowScores> windows, bool point_only) {
  const double loss = SumOf(windows, [&](const WindowScores& window) {
    return point_only ? window.median_pinball_sum : window.interval_pinball_sum;
  });
  const double truth = SumOf(windows, [&](const WindowScores& window) {
    return point_only ? window.truth_sum : window.interval_truth_sum;
  });
  return Ratio(2 * loss, truth);
}

// All of a summary but the loss that is not pooled over metrics.
ScoreSummary SummarizePoints(std::span<const WindowScores> windows) {
  const auto sum = [&](auto measure) { return SumOf(windows, measure); };
  const auto mean = [&](auto measure) { return MeanOf(windows, measure); };
  ScoreSummary summary;
  summary.windows = static_cast<int>(windows.size());
  summary.mae = mean([](const auto& w) { return w.absolute_error; });
  summary.rmse = std::sqrt(mean([](const auto& w) { return w.squared_error; }));
  summary.mape = Ratio(sum([](const auto& w) { return w.percent_error_sum; }),
                       sum([](const auto& w) { return w.percent_error_count; }));
  summary.smape = mean([](const auto& w) { return w.smape; });
  summary.mase = mean(MaseOf);
  summary.mase_median = MaseMedian(windows);
  const double naive = mean([](const auto& w) { return Ratio(w.naive_absolute_error, w.scale); });
  summary.relative_mase = Ratio(summary.mase, naive);
  summary.relative_mae = std::exp(mean(LogRatioToNaive));
  summary.direction = Ratio(sum([](const auto& w) { return w.direction_right; }),
                            sum([](const auto& w) { return w.direction_count; }));
  return summary;
}

void AddIntervalMeasures(std::span<const WindowScores> windows, ScoreSummary* summary) {
  const auto mean_in_scales = [&](auto measure) {
    return MeanOf(windows, [&](const WindowScores& window) {
      return Ratio(Ratio(measure(window), window.interval_count), window.scale);
    });
  };
  summary->scaled_pinball =
      mean_in_scales([](const auto& w) { return 2 * w.interval_pinball_sum; });
  summary->width = mean_in_scales([](const auto& w) { return w.width_sum; });
  summary->msis = mean_in_scales([](const auto& w) { return w.interval_score_sum; });
  summary->coverage = Ratio(SumOf(windows, [](const auto& w) { return w.inside_count; }),
                            SumOf(windows, [](const auto& w) { return w.interval_count; }));
}

using WindowsByMetric = std::map<std::string, std::vector<WindowScores>, std::less<>>;

ScoreSummary Summarize(const WindowsByMetric& by_metric) {
  std::vector<WindowScores> answered;
  double expected_targets = 0;
  for (const auto& [metric, windows] : by_metric) {
    for (const WindowScores& window : windows) {
      expected_targets += window.expected;
      if (window.answered > 0) answered.push_back(window);
    }
  }
  ScoreSummary summary = SummarizePoints(answered);
  const double targets = SumOf(answered, [](const auto& w) { return w.answered; });
  const double intervals = SumOf(answered, [](const auto& w) { return w.interval_count; });
  summary.answered = Ratio(targets, expected_targets);
  summary.point_only = intervals < kIntervalShareMin * targets;
  double loss = 0;
  int metrics = 0;
  for (const auto& [metric, windows] : by_metric) {
    const double metric_loss = WeightedQuantileLoss(windows, summary.point_only);
    if (std::isnan(metric_loss)) continue;
    loss += metric_loss;
    ++metrics;
  }
  summary.wql = Ratio(loss, metrics);
  summary.scaled_pinball = summary.coverage = summary.width = summary.msis = kNone;
  if (!summary.point_only) AddIntervalMeasures(answered, &summary);
  return summary;
}

}  // namespace

WindowScores ScoreWindow(std::span<const float> truth, const QuantileForecast& forecast,
                         std::span<const float> history, int season_steps) {
  WindowScores scores;
  scores.scale = ScaleOf(history, season_steps);
  const double last = LastValue(history);
  const std::vector<float> naive =
      SeasonalNaive(history, season_steps, static_cast<int>(truth.size()));
  const bool has_interval = !forecast.low.empty() && !forecast.high.empty();
  for (size_t k = 0; k < truth.size(); ++k) {
    if (std::isnan(truth[k])) continue;
    scores.expected += 1;
    const float median = forecast.median[k];
    if (!std::isfinite(median)) continue;
    AddPoint(truth[k], median, naive[k], last, &scores);
    if (has_interval && std::isfinite(forecast.low[k]) && std::isfinite(forecast.high[k])) {
      AddInterval(truth[k], forecast.low[k], median, forecast.high[k], &scores);
    }
  }
  const double count = scores.answered;
  for (double* mean : {&scores.absolute_error, &scores.squared_error, &scores.naive_absolute_error,
                       &scores.smape}) {
    *mean = Ratio(*mean, count);
  }
  scores.quarter_absolute_error = QuarterErrors(truth, forecast.median);
  return scores;
}

void ScorePool::Add(std::string_view metric, const WindowScores& window) {
  auto it = windows_.find(metric);
  if (it == windows_.end()) it = windows_.try_emplace(std::string(metric)).first;
  it->second.push_back(window);
}

void ScorePool::Merge(const ScorePool& other) {
  for (const auto& [metric, windows] : other.windows_) {
    for (const WindowScores& window : windows) Add(metric, window);
  }
}

ScoreSummary ScorePool::Total() const { return Summarize(windows_); }

std::map<std::string, ScoreSummary> ScorePool::ByMetric() const {
  std::map<std::string, ScoreSummary> summaries;
  for (const auto& [metric, windows] : windows_) {
    summaries[metric] = Summarize({{metric, windows}});
  }
  return summaries;
}

std::array<double, kHorizonQuarters> ScorePool::MaseByQuarter() const {
  std::vector<WindowScores> all;
  for (const auto& [metric, windows] : windows_)
    all.insert(all.end(), windows.begin(), windows.end());
  std::array<double, kHorizonQuarters> mase;
  for (size_t q = 0; q < mase.size(); ++q) {
    mase[q] = MeanOf(all, [&](const WindowScores& window) {
      return Ratio(window.quarter_absolute_error[q], window.scale);
    });
  }
  return mase;
}

}  // namespace auspex::model
