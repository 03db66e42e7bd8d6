// How good the forecasts of a backtest were, in the measures of the forecasting literature. A
// window is one series at one origin with the targets after it. Pure functions and plain values.
#pragma once

#include <array>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace auspex::model {

inline constexpr int kHorizonQuarters = 4;

// Quantiles 0.1, 0.5 and 0.9 of the targets, one value per target; NaN = no forecast. `low` and
// `high` may be empty: a point forecast. Views: what they show must outlive the call.
struct QuantileForecast {
  std::span<const float> low;
  std::span<const float> median;
  std::span<const float> high;
};

// Everything about one window that a summary needs. A measure without any target (or, where it
// is in units of `scale`, with a scale of zero or NaN) is NaN.
struct WindowScores {
  int expected = 0;  // targets with a truth
  int answered = 0;  // those with a forecast; the other measures are over these
  double scale = 0;  // SeasonalChange of the history; over one step when it is under a season long
  double absolute_error = 0;  // mean; and so on
  double squared_error = 0;
  double naive_absolute_error = 0;  // of the seasonal naive forecast on the same targets
  double smape = 0;                 // percent
  double percent_error_sum = 0;     // over the targets whose truth is not zero
  int percent_error_count = 0;
  double truth_sum = 0;  // of absolute values
  double median_pinball_sum = 0;
  int direction_right = 0;  // targets whose move from the last value has the forecast's sign
  int direction_count = 0;  // moves of more than a tenth of the scale
  // Over the answered targets that have an interval.
  int interval_count = 0;
  int inside_count = 0;  // truth in [low, high]
  double interval_truth_sum = 0;
  double interval_pinball_sum = 0;  // mean of the three quantiles
  double width_sum = 0;
  double interval_score_sum = 0;  // width + 10 * distance of a truth outside (Gneiting, Raftery)
  std::array<double, kHorizonQuarters> quarter_absolute_error = {};  // means; NaN = none answered
};

// Scores one window. `truth` [H] NaN = missing; `forecast` spans [H]; `history` ends at the origin;
// `season_steps` >= 1 as for SeasonalNaive.
WindowScores ScoreWindow(std::span<const float> truth, const QuantileForecast& forecast,
                         std::span<const float> history, int season_steps);

// Windows pooled. Means are over windows that have the measure, so that a long series weighs no
// more than its windows; NaN when none has it.
struct ScoreSummary {
  int windows = 0;      // with at least one target answered
  double answered = 0;  // share of the expected targets
  double mae = 0;       // in the unit of the metric; meaningless over several metrics
  double rmse = 0;
  double mape = 0;   // percent, over targets
  double smape = 0;  // percent, as in M4
  double mase = 0;   // absolute error over the mean seasonal change of the history
  double mase_median = 0;
  double relative_mase = 0;  // mean MASE over that of the seasonal naive; < 1 beats it
  // Geometric mean over windows of the MAE over that of the seasonal naive, each ratio within
  // [1e-3, 1e3]; windows in which both are exact count as 1.
  double relative_mae = 0;
  // Twice the pinball loss over the sum of absolute truths, mean over the metrics. Of the median
  // alone for a point forecast, and then the fields after it are NaN.
  double wql = 0;
  double scaled_pinball = 0;  // twice the mean pinball loss in units of the scale
  double coverage = 0;        // share of truths inside; 0.8 is right
  double width = 0;           // in units of the scale
  double msis = 0;            // M4's mean scaled interval score, alpha = 0.2
  double direction = 0;       // share of moves whose sign is right
  bool point_only = false;    // fewer than 99 % of the answers have an interval
};

// The windows of one method, by metric. Not thread-safe.
class ScorePool {
 public:
  void Add(std::string_view metric, const WindowScores& window);
  // Adds all of another pool, so that workers can keep one each.
  void Merge(const ScorePool& other);

  ScoreSummary Total() const;
  std::map<std::string, ScoreSummary> ByMetric() const;
  // Mean MASE of the windows' answered targets by quarter of the horizon.
  std::array<double, kHorizonQuarters> MaseByQuarter() const;

 private:
  std::map<std::string, std::vector<WindowScores>, std::less<>> windows_;
};

}  // namespace auspex::model
