#include "sidecar/core/date.h"

#include "absl/time/civil_time.h"

namespace auspex {
namespace {

constexpr size_t kDateLength = 10;

absl::CivilDay Epoch() { return absl::CivilDay(1970, 1, 1); }

}  // namespace

absl::StatusOr<int> ParseDate(std::string_view text) {
  absl::CivilDay day;
  // Absl would also take spaces and years of another length.
  const bool shaped = text.size() == kDateLength && text[4] == '-' && text[7] == '-' &&
                      text.find_first_not_of("0123456789-") == std::string_view::npos;
  if (!shaped || !absl::ParseCivilTime({text.data(), text.size()}, &day) || day < Epoch()) {
    return absl::InvalidArgumentError("want a date, like 2026-12-25");
  }
  return static_cast<int>(day - Epoch());
}

std::string FormatDate(int day) { return absl::FormatCivilTime(Epoch() + day); }

}  // namespace auspex
