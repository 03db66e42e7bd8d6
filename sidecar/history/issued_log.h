// Forecasts that were issued: the past part of the curve, and what the ledger will score.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "sidecar/core/forecast.h"
#include "sidecar/core/sample.h"
#include "sidecar/history/store.h"

namespace auspex {

// What one aggregate was told at one lead: the values at each quantile level of the rule.
struct IssuedForecast {
  AggregateId aggregate{};
  // [leads][quantile levels] of the rule at the time of issue.
  std::vector<float> values;
};

// One row per rule and origin. Thread-safe.
class IssuedLog {
 public:
  // `store` must outlive the log.
  explicit IssuedLog(Store& store) : store_(store) {}

  absl::Status Put(RuleId rule, TimestampMs origin_ms, std::span<const IssuedForecast> forecasts);
  // Visits rows with first_ms <= origin <= last_ms, oldest first.
  absl::Status Read(
      RuleId rule, TimestampMs first_ms, TimestampMs last_ms,
      const std::function<void(TimestampMs, std::span<const IssuedForecast>)>& visit) const;
  // Drops rows with origins before `t_ms`.
  absl::Status Trim(RuleId rule, TimestampMs t_ms);

 private:
  Store& store_;
};

}  // namespace auspex
