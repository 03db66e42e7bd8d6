// Anomaly scores for every sample of series, in one causal pass.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/engine/engine.h"
#include "sidecar/backtest/series_csv.h"
#include "sidecar/core/sample.h"

namespace auspex {

struct AnomalyTask {
  const std::vector<CsvSeries>& series;
  // Of the grid that forecasts are made on; without it, each series has one of its own: the usual
  // distance of its first 48 samples, 1 second to 7 days.
  std::optional<DurationMs> step_ms;
  DurationMs context_ms = 0;  // that a forecast reads
};

// One score per sample, as of model::AnomalyScorer. Steps lie on a grid from the first sample on. A
// score depends on nothing after its sample: samples of one step are compared with the same
// forecast, and the last of them is the step's value from then on. InvalidArgument for a series
// that spans more than kHistoryStepsMax steps.
absl::StatusOr<std::vector<float>> ScoreSamples(const CsvSeries& series, const AnomalyTask& task);

struct AnomalySummary {
  size_t series = 0;
  size_t samples = 0;
  size_t anomalous = 0;  // samples with a score above 1
};

// Scores all series and writes metric,labels,timestamp_ms,score to `path`, in the order of series
// and samples. `parallel_for` changes nothing but the time; `progress` gets 0..1, one call at a
// time, on any thread. Errors: those of ScoreSamples and of writing; Cancelled soon after
// `cancelled` answers true.
absl::StatusOr<AnomalySummary> WriteAnomalyScores(const AnomalyTask& task, const std::string& path,
                                                  const model::ParallelFor& parallel_for,
                                                  const std::function<void(double)>& progress,
                                                  const std::function<bool()>& cancelled);

// For people.
std::string AnomalySummaryText(const AnomalySummary& summary);

}  // namespace auspex
