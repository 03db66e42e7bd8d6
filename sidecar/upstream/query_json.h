// The JSON of Prometheus' HTTP API: {"status":..., "data":...} (prometheus.io/docs, "HTTP API").
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sidecar/core/label_set.h"
#include "sidecar/core/sample.h"

namespace auspex {

// One series of a query's answer; samples in time order. NaN and infinities are values.
struct QuerySeries {
  LabelSet labels;  // without the metric name
  std::vector<Sample> samples;
};

// The result of /api/v1/query or query_range: a vector, a matrix, or a scalar, which is one series
// without labels. InvalidArgument for anything else, also for two series that differ in the metric
// name alone: they would be one aggregate.
absl::StatusOr<std::vector<QuerySeries>> DecodeQueryAnswer(std::string_view body);

// The strings of an object in `data`, such as those of /api/v1/status/flags; other members are
// left out.
absl::StatusOr<std::map<std::string, std::string>> DecodeStringsAnswer(std::string_view body);

// The `error` member of an error answer, or "" when the body is something else.
std::string DecodeErrorAnswer(std::string_view body);

}  // namespace auspex
