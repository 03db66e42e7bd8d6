// Durations among the flags of a command.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "sidecar/core/sample.h"

namespace auspex {

// The value of `flag` into `*out`; InvalidArgument names the flag.
absl::Status ReadDurationFlag(const char* flag, const std::string& text, DurationMs* out);

}  // namespace auspex
