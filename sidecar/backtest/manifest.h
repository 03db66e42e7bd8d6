// What a backtest over files is to do: the manifest beside a series file.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sidecar/core/sample.h"

namespace auspex {

struct BacktestManifest {
  std::string name;
  DurationMs step_ms = 0;        // of the samples
  DurationMs score_step_ms = 0;  // of the targets; a multiple of step_ms, and equal unless said
  int horizon_steps = 0;         // in score steps
  int mase_season_steps = 1;     // in score steps
  // In steps, ascending: day, week. Empty when the data have no season.
  std::vector<int> season_steps;
  std::set<std::string, std::less<>> scored_metrics;
  // Metrics whose series of equal labels are read beside a scored one, in this order.
  std::vector<std::string> covariates;
  std::vector<int> special_days;  // in days since 1970-01-01, ascending
  // Times of the last sample that a forecast may see (inclusive), ascending.
  std::vector<TimestampMs> origins_ms;
  // By labels, for all scored series, where origins differ between series; it then stands in for
  // origins_ms, and a series that it does not name has none.
  std::map<std::string, std::vector<TimestampMs>, std::less<>> origins_by_labels;
  // Score steps with a value that a history needs for its window to count.
  int min_history_points = 0;
  // Whether hour and weekday of the timestamps are those of the data; false where the manifest says
  // "unknown".
  bool time_of_day_known = true;
  // File of clean values to score against, relative to the manifest; "" = the series file itself.
  std::string truth_file;
  // Origins of the quota alert task, extra to origins_ms, and how far ahead it looks. Empty, 0
  // where there is no such task.
  std::vector<TimestampMs> alert_origins_ms;
  DurationMs alert_horizon_ms = 0;

  bool IsScored(std::string_view metric) const { return scored_metrics.contains(metric); }
  const std::vector<TimestampMs>& OriginsOf(std::string_view labels) const;
};

// Reads NAME.manifest.json; keys that it does not know are left out. Errors name the file and the
// key: NotFound without the file, InvalidArgument for missing or impossible values and for a
// manifest of another task than "forecast".
absl::StatusOr<BacktestManifest> ReadManifest(const std::string& path);

}  // namespace auspex
