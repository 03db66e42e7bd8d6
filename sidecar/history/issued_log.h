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

// What one aggregate was told: [leads][quantile levels] values, of its row.
struct IssuedForecast {
  AggregateId aggregate{};
  std::vector<float> values;
};

// What a rule issued at one origin, with the leads and levels that it had then: a reload may have
// given it others since.
struct IssuedRow {
  std::vector<DurationMs> leads_ms;
  std::vector<double> quantile_levels;
  std::vector<IssuedForecast> forecasts;
  // By lead: what the model's widths were multiplied by. Empty: 1.
  std::vector<float> factors = {};

  // The value of a forecast of this row. REQUIRES: indexes into leads_ms and quantile_levels.
  float At(const IssuedForecast& forecast, size_t lead, size_t level) const {
    return forecast.values[lead * quantile_levels.size() + level];
  }
  float FactorAt(size_t lead) const { return factors.empty() ? 1 : factors[lead]; }
};

// One row per rule and origin. Thread-safe.
class IssuedLog {
 public:
  // `store` must outlive the log. The family kShadow is a log of its own, of what two models said
  // while one challenged the other (ledger.h).
  explicit IssuedLog(Store& store, Store::Family family = Store::Family::kIssued)
      : store_(store), family_(family) {}

  // REQUIRES: every forecast has leads x levels values, and factors are none or one per lead.
  absl::Status Put(RuleId rule, TimestampMs origin_ms, const IssuedRow& row);
  // Visits rows with first_ms <= origin <= last_ms, oldest first. DataLoss for a row that is not
  // what was written.
  absl::Status Read(RuleId rule, TimestampMs first_ms, TimestampMs last_ms,
                    const std::function<void(TimestampMs, const IssuedRow&)>& visit) const;
  // Drops rows with origins before `t_ms`.
  absl::Status Trim(RuleId rule, TimestampMs t_ms);

 private:
  Store& store_;
  const Store::Family family_;
};

}  // namespace auspex
