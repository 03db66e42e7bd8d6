// What a backtest found, for people (text, a page with plots) and for programs (JSON).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/eval/window_scores.h"
#include "sidecar/core/sample.h"

namespace auspex {

struct MethodScores {
  std::string method;  // "auspex", "seasonal_naive", ...
  model::ScoreSummary total;
  std::map<std::string, model::ScoreSummary> by_metric;
  std::array<double, model::kHorizonQuarters> mase_by_quarter = {};
};

// Fills the summaries of one method.
MethodScores SummarizeMethod(std::string method, const model::ScorePool& pool);

// A window to look at: the end of its history, the forecast and what came.
struct ExampleWindow {
  std::string title;  // e.g. the labels
  TimestampMs origin_ms = 0;
  DurationMs step_ms = 0;
  std::vector<float> history;  // ends at the origin; NaN = missing
  std::vector<float> truth;    // from one step after it, as are the next three
  std::vector<float> low;      // empty for a point forecast
  std::vector<float> median;
  std::vector<float> high;
};

struct BacktestReport {
  std::string name;    // of the set or rule
  std::string source;  // where the series came from, in words
  DurationMs step_ms = 0;
  int horizon_steps = 0;
  int season_steps = 0;
  int series = 0;
  int origins = 0;  // different ones
  uint64_t seed = 0;
  std::vector<MethodScores> methods;  // ours first
  std::vector<ExampleWindow> examples;
};

// One line on how it was run: series, origins, horizon, season, seed.
std::string ReportTitle(const BacktestReport& report);
// A table of methods; with several metrics, one more by metric.
std::string ReportText(const BacktestReport& report);
// One object; measures that do not exist are null. Without the examples.
std::string ReportJson(const BacktestReport& report);
// One page that needs nothing else: styles and drawings are inside, no script, light or dark as
// the reader's system is.
std::string ReportHtml(const BacktestReport& report);

}  // namespace auspex
