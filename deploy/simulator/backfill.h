// The story's history as OpenMetrics text, for `promtool tsdb create-blocks-from openmetrics`.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "deploy/simulator/story.h"

namespace auspex::simulator {

struct BackfillOptions {
  // Labels that a scrape adds. They must be those of the live scrape, or the history and the
  // present are two series that a sum counts twice while both are in PromQL's lookback.
  std::string job = "quota";
  std::string instance = "simulator";
  double days = 30;  // up to Story::now(), kHistorySeconds at most
  // Seconds between samples; below the lookback of 5 minutes a lost scrape leaves the only gaps.
  double step = 240;
};

// Writes the samples in [now - days, now] to the file, replacing it. Errors name the file.
absl::Status WriteBackfill(const Story& story, const BackfillOptions& options,
                           const std::string& path);

}  // namespace auspex::simulator
