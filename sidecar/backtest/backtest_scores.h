// Scores the forecasts of a backtest, and the classical forecasters on the same windows.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "model/engine/engine.h"
#include "model/eval/window_scores.h"
#include "sidecar/backtest/backtest.h"
#include "sidecar/backtest/backtest_set.h"
#include "sidecar/backtest/report.h"
#include "sidecar/backtest/windows.h"

namespace auspex {

// Not thread-safe.
class BacktestScores {
 public:
  // `set` must outlive it.
  explicit BacktestScores(const BacktestSet& set);

  // Scores a forecast if its window counts; keeps a few to show.
  void Add(const BacktestForecast& forecast);
  // All that was added, and what was not as not answered. Ours first; with `baselines` then
  // seasonal naive, last, predict_linear, Holt-Winters and Theta, which see what was observed on
  // the grid of the targets. Leaves source and seed of the report to the caller.
  BacktestReport Report(bool baselines, const model::ParallelFor& parallel_for) const;

 private:
  // Index in windows_.
  std::optional<size_t> WindowOf(size_t truth_series, TimestampMs origin_ms) const;
  std::vector<float> TruthOf(const BacktestWindow& window) const;
  model::WindowScores Score(const BacktestWindow& window,
                            const model::QuantileForecast& forecast) const;
  void KeepExample(const BacktestWindow& window, const BacktestForecast& forecast);
  void AddBaselines(const model::ParallelFor& parallel_for, BacktestReport* report) const;

  const BacktestSet& set_;
  std::vector<std::optional<size_t>> truth_of_;     // by observed series
  std::vector<std::optional<size_t>> observed_of_;  // by series of the truth
  const std::vector<BacktestWindow> windows_;
  std::vector<std::optional<model::WindowScores>> ours_;  // by window
  std::vector<ExampleWindow> examples_;
};

}  // namespace auspex
