// Which names a configuration may give to labels, metrics and rules.
#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace auspex {

// A label that series come with: [a-zA-Z_][a-zA-Z0-9_]*, without the leading "__" of internal ones.
absl::Status CheckLabelName(std::string_view name);
// A label of our output: as above, and none of those that we set ourselves (horizon, quantile,
// ...).
absl::Status CheckOutputLabelName(std::string_view name);
// [a-zA-Z_:][a-zA-Z0-9_:]*
bool IsMetricName(std::string_view name);
// Letters, digits and _ . : - (the name becomes a label value and a part of file names).
bool IsPlainName(std::string_view name);

}  // namespace auspex
