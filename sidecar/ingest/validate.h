// Which series of a request are fit to be taken.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "sidecar/core/label_view.h"

namespace auspex {

// Far above what real series have; they bound what one sender can make us keep.
struct LabelLimits {
  size_t name_bytes_max = 1024;
  size_t value_bytes_max = 64u << 10;
};

// The metric name of a series with good labels: a metric name is there, no label name is empty or
// occurs twice, text is UTF-8 and within the limits. Names may hold any character, as in remote
// write 2.0. Empty values are fine: such a label does not exist. InvalidArgument says which label
// is at fault and why. One pass and no allocation when labels are sorted, as they should be.
absl::StatusOr<std::string_view> ValidateLabels(std::span<const LabelView> labels,
                                                const LabelLimits& limits);

}  // namespace auspex
