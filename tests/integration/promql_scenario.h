// Hours of awkward samples, the same for every receiver.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "sidecar/core/label_set.h"
#include "sidecar/core/sample.h"
#include "sidecar/wire/write_request_encoder.h"

namespace auspex {

struct ScenarioOptions {
  uint64_t seed = 1;
  TimestampMs start_ms = 0;
  DurationMs length_ms = 0;
  DurationMs scrape_interval_ms = 15 * kSecond;
  DurationMs lateness_max_ms = 2 * kMinute;  // how late the latest samples arrive
  DurationMs request_interval_ms = 10 * kSecond;
};

// What one remote write request holds, in the order sent, and when it arrives.
struct ScenarioRequest {
  TimestampMs arrival_ms = 0;
  std::vector<LabeledSample> samples;
};

// Gauges `scenario_used_bytes` and counters `scenario_written_bytes_total` with the labels group,
// user, disk, and on some series team; and a metric that nobody asks for. Series scrape at their
// own phase and jitter; have gaps of seconds to a quarter of an hour; vanish, with a staleness
// marker or without, and come back; start late; counters reset and start near zero; a few values
// are NaN or infinite. Samples arrive late and out of order, some of them twice.
class Scenario {
 public:
  explicit Scenario(const ScenarioOptions& options);

  const std::vector<ScenarioRequest>& requests() const { return requests_; }
  // Every series once with its samples in order, each timestamp once.
  const std::map<LabelSet, std::vector<Sample>>& series() const { return series_; }
  TimestampMs end_ms() const { return end_ms_; }

 private:
  void MakeRequests(const ScenarioOptions& options);

  TimestampMs end_ms_;
  std::map<LabelSet, std::vector<Sample>> series_;
  std::vector<ScenarioRequest> requests_;
};

}  // namespace auspex
