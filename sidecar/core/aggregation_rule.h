// How samples of many series become one value per aggregate and step.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sidecar/core/label_set.h"
#include "sidecar/core/matcher.h"
#include "sidecar/core/sample.h"

namespace auspex {

// Function over one series' samples in the step. kLast is the instant value (5-minute lookback);
// the others are PromQL's *_over_time, rate and increase with a range of one step.
enum class OverTime { kLast, kAvg, kMin, kMax, kSum, kRate, kIncrease };
// Function over the member series of an aggregate.
enum class Aggregate { kSum, kAvg, kMin, kMax, kCount };

std::string_view OverTimeName(OverTime f);
std::string_view AggregateName(Aggregate f);
absl::StatusOr<OverTime> ParseOverTime(std::string_view name);
absl::StatusOr<Aggregate> ParseAggregate(std::string_view name);

// Where versions of PromQL differ (range bounds since 3.0, and counter extrapolation).
enum class PromqlDialect {
  kV2,  // ranges and lookback closed on both sides: [t-range, t]
  kV3,  // left-open: (t-range, t]
};

// `label` of the member series becomes label `as` of the aggregate.
struct ByLabel {
  std::string label;
  std::string as;
  bool operator==(const ByLabel&) const = default;
};

// The value of an aggregate at a step boundary t is what Prometheus answers at t for Promql().
// A plain value.
struct AggregationRule {
  std::string name;  // unique; companions are "<rule>/limit", "<rule>/covariate/0"
  Selector selector;
  OverTime over_time = OverTime::kLast;
  Aggregate aggregate = Aggregate::kSum;
  std::vector<ByLabel> by;
  DurationMs step_ms = 5 * kMinute;

  // The equivalent PromQL expression, in the forms that Prometheus 2 and 3 both parse. Renames
  // are label_replace around the aggregation, where no two series can become one: inside of it,
  // members that differ in an overwritten label alone would make Prometheus refuse the query.
  std::string Promql() const;
  // Text that is equal exactly when two rules give the same values: history kept under another
  // fingerprint is not reused. The name is no part of it.
  std::string Fingerprint() const;

  bool operator==(const AggregationRule&) const = default;
};

// The label set of the aggregate that a series with `labels` belongs to under `by`.
// Labels absent from the series are absent from the aggregate. REQUIRES: no two entries of `by`
// have the same `as`.
LabelSet AggregateKey(const LabelSet& labels, const std::vector<ByLabel>& by);

}  // namespace auspex
