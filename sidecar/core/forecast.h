// What the forecast stage hands to emit and serve.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "sidecar/core/label_set.h"
#include "sidecar/core/sample.h"

namespace auspex {

// Persistent small ids, given by history. Never reused.
enum class RuleId : uint32_t {};
enum class AggregateId : uint32_t {};

// One forecast of one aggregate. Immutable once published; shared by pointer.
// Shapes: values is [horizon_steps][quantile_levels.size()], row k-1 for target time
// origin_ms + k*step_ms; quantile levels ascend and rows do not cross.
struct Forecast {
  AggregateId aggregate{};
  LabelSet labels;               // of the aggregate, without metric name
  TimestampMs origin_ms = 0;     // last closed step that the model saw
  TimestampMs issued_at_ms = 0;  // wall clock
  DurationMs step_ms = 0;
  std::vector<double> quantile_levels;
  std::vector<float> values;
  uint64_t model_version = 0;   // that made it; 0: none has been trained, or none answers
  double last_value = 0;        // observed at the origin (forward filled inside a gap)
  bool never_negative = false;  // no value of the context is, so no quantile is
  std::string model;            // lstm | base | seasonal_naive | last | blend | naive_blend | none
  std::string reason;           // ok | gate | cold_start | gap | level_shift | untrained
  // The limit in force at the origin; NaN when the rule has none or it is unknown here.
  double limit = std::numeric_limits<double>::quiet_NaN();

  int horizon_steps() const {
    return quantile_levels.empty() ? 0 : static_cast<int>(values.size() / quantile_levels.size());
  }
  // The value of quantile `q` (an index) at `target_ms`, linear between the origin's last_value
  // and the targets; NaN outside [origin_ms, origin_ms + horizon].
  double At(size_t q, TimestampMs target_ms) const;
  // Index of a level in quantile_levels (within 1e-9), or -1.
  int LevelIndex(double level) const;
};

}  // namespace auspex
