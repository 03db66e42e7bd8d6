// Days of the calendar, as people write them: "2026-12-25".
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace auspex {

// Days since 1970-01-01. InvalidArgument for what is no date of the years 1970 to 9999.
absl::StatusOr<int> ParseDate(std::string_view text);
// The text that ParseDate reads as `day`.
std::string FormatDate(int day);

}  // namespace auspex
