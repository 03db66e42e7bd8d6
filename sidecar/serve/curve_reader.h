// Answers queries for curves: which rules, aggregates and past points a selector wants.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "sidecar/core/active_rule.h"
#include "sidecar/forecast/forecast_store.h"
#include "sidecar/history/issued_log.h"
#include "sidecar/serve/curve.h"

namespace auspex {

// Thread-safe; waits for nothing but memory and the local store.
class CurveReader {
 public:
  // What it reads must outlive it.
  CurveReader(std::function<std::shared_ptr<const ActiveRules>()> rules,
              const ForecastStore& forecasts, const IssuedLog& issued)
      : rules_(std::move(rules)), forecasts_(forecasts), issued_(issued) {}

  // Every curve series that all matchers of `selector` match, inside [first_ms, last_ms] (any
  // int64; first > last asks for nothing). `upstream_labels` are the external labels of the
  // Prometheus we belong to: it adds them as equality matchers to what it asks, so such a matcher
  // is satisfied by a series that does not have the label at all.
  absl::StatusOr<ReadResult> Read(const Selector& selector, const LabelSet& upstream_labels,
                                  TimestampMs first_ms, TimestampMs last_ms) const;

 private:
  absl::Status ReadRule(const ActiveRule& active, const ActiveRules& rules,
                        const RuleForecasts& latest, const Selector& selector, TimestampMs first_ms,
                        TimestampMs last_ms, ReadResult* out) const;

  const std::function<std::shared_ptr<const ActiveRules>()> rules_;
  const ForecastStore& forecasts_;
  const IssuedLog& issued_;
};

}  // namespace auspex
