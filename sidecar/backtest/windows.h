// Which windows of a set count, and the values in them. Pure functions.
#pragma once

#include <cstddef>
#include <vector>

#include "sidecar/backtest/manifest.h"
#include "sidecar/backtest/series_csv.h"
#include "sidecar/core/sample.h"

namespace auspex {

// A year of seconds fits, a mistaken unit of time does not.
inline constexpr size_t kHistoryStepsMax = 40'000'000;

// `count` values of a series at exactly first_ms + i * step_ms; NaN where it has no sample. Of
// samples of one time the first counts.
std::vector<float> GridValues(const CsvSeries& series, TimestampMs first_ms, DurationMs step_ms,
                              size_t count);
// All values of a series on a grid that ends at `origin_ms`, newest last, at most
// kHistoryStepsMax; empty when it starts later than that.
std::vector<float> HistoryValues(const CsvSeries& series, TimestampMs origin_ms,
                                 DurationMs step_ms);

struct BacktestWindow {
  size_t series = 0;  // index into the series given
  TimestampMs origin_ms = 0;
};

// The windows that are scored: of each series with a scored metric, every origin at which its
// history holds enough points and after which at least one target has a truth. `truth` is sorted
// as ReadSeriesCsv returns it, and so are the windows, then by origin.
std::vector<BacktestWindow> ScoredWindows(const BacktestManifest& manifest,
                                          const std::vector<CsvSeries>& truth);

}  // namespace auspex
