// Aggregates at steps, and the comparison that fails unless two of them are close.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sidecar/core/label_set.h"
#include "sidecar/core/sample.h"

namespace auspex {

// The values that are present. An answer of NaN is not put in: it counts as missing.
using AggregateValues = std::map<LabelSet, std::map<TimestampMs, double>>;

// True only when the two are the same infinity, or finite and within `relative_tolerance` of the
// larger one. NaN is close to nothing.
bool IsClose(double actual, double expected, double relative_tolerance);

// One line for every value that is missing on one side or not close. At most `lines_max` lines,
// then the number of all. Empty when equal.
std::vector<std::string> Differences(const AggregateValues& actual, const AggregateValues& expected,
                                     double relative_tolerance, size_t lines_max = 10);

}  // namespace auspex
