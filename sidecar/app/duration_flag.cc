#include "sidecar/app/duration_flag.h"

#include "absl/strings/str_cat.h"
#include "sidecar/core/duration.h"

namespace auspex {

absl::Status ReadDurationFlag(const char* flag, const std::string& text, DurationMs* out) {
  const auto duration = ParseDuration(text);
  if (!duration.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": ", std::string(duration.status().message())));
  }
  *out = *duration;
  return absl::OkStatus();
}

}  // namespace auspex
