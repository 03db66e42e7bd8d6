#include "sidecar/core/rule.h"

#include "sidecar/core/duration.h"

namespace auspex {

std::vector<AggregationRule> Rule::Aggregations() const {
  std::vector<AggregationRule> all;
  if (!pulled()) all.push_back(values);
  if (limit.has_value() && limit->aggregation.has_value()) all.push_back(*limit->aggregation);
  all.insert(all.end(), covariates.begin(), covariates.end());
  return all;
}

std::string Rule::Promql() const { return pulled() ? query : values.Promql(); }

std::string Rule::Fingerprint() const {
  if (!pulled()) return values.Fingerprint();
  return "step=" + FormatDuration(values.step_ms) + " query=" + query;
}

bool Rule::ReadsAs(const Rule& other) const {
  return Fingerprint() == other.Fingerprint() && Aggregations() == other.Aggregations();
}

}  // namespace auspex
