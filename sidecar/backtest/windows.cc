#include "sidecar/backtest/windows.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace auspex {
namespace {

bool IsPresent(float value) { return std::isfinite(value); }

bool Counts(const BacktestManifest& manifest, const CsvSeries& series, TimestampMs origin_ms) {
  const auto history = HistoryValues(series, origin_ms, manifest.score_step_ms);
  const auto points = std::count_if(history.begin(), history.end(), IsPresent);
  if (history.size() < 2 || points < manifest.min_history_points) return false;
  const auto targets =
      GridValues(series, origin_ms + manifest.score_step_ms, manifest.score_step_ms,
                 static_cast<size_t>(manifest.horizon_steps));
  return std::any_of(targets.begin(), targets.end(), IsPresent);
}

}  // namespace

std::vector<float> GridValues(const CsvSeries& series, TimestampMs first_ms, DurationMs step_ms,
                              size_t count) {
  std::vector<float> values(count, std::numeric_limits<float>::quiet_NaN());
  const auto& times = series.timestamps_ms;
  auto i =
      static_cast<size_t>(std::lower_bound(times.begin(), times.end(), first_ms) - times.begin());
  const TimestampMs end_ms = first_ms + static_cast<DurationMs>(count) * step_ms;
  for (; i < times.size() && times[i] < end_ms; ++i) {
    const DurationMs since = times[i] - first_ms;
    if (since % step_ms != 0 || (i > 0 && times[i - 1] == times[i])) continue;
    values[static_cast<size_t>(since / step_ms)] = static_cast<float>(series.values[i]);
  }
  return values;
}

std::vector<float> HistoryValues(const CsvSeries& series, TimestampMs origin_ms,
                                 DurationMs step_ms) {
  if (series.timestamps_ms.empty() || series.timestamps_ms.front() > origin_ms) return {};
  const auto steps = static_cast<size_t>((origin_ms - series.timestamps_ms.front()) / step_ms) + 1;
  const size_t count = std::min(steps, kHistoryStepsMax);
  return GridValues(series, origin_ms - static_cast<DurationMs>(count - 1) * step_ms, step_ms,
                    count);
}

std::vector<BacktestWindow> ScoredWindows(const BacktestManifest& manifest,
                                          const std::vector<CsvSeries>& truth) {
  std::vector<BacktestWindow> windows;
  for (size_t i = 0; i < truth.size(); ++i) {
    if (!manifest.IsScored(truth[i].metric)) continue;
    for (TimestampMs origin_ms : manifest.OriginsOf(truth[i].labels)) {
      if (Counts(manifest, truth[i], origin_ms)) windows.push_back({i, origin_ms});
    }
  }
  return windows;
}

}  // namespace auspex
