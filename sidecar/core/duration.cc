#include "sidecar/core/duration.h"

#include <array>
#include <limits>

namespace auspex {
namespace {

struct Unit {
  std::string_view name;
  DurationMs ms;
  bool only_exact;  // formatted only when nothing remains: "90d" reads better than "12w6d"
};

// Largest first. Years and weeks are fixed spans, as in Prometheus.
constexpr std::array<Unit, 7> kUnits = {{{"y", 365 * kDay, true},
                                         {"w", 7 * kDay, true},
                                         {"d", kDay, false},
                                         {"h", kHour, false},
                                         {"m", kMinute, false},
                                         {"s", kSecond, false},
                                         {"ms", 1, false}}};

absl::Status Bad(std::string_view text, std::string_view why) {
  return absl::InvalidArgumentError("bad duration \"" + std::string(text) +
                                    "\": " + std::string(why));
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes a run of characters that satisfy `keep` from the front of `rest`.
template <typename Keep>
std::string_view TakeWhile(std::string_view* rest, Keep keep) {
  size_t n = 0;
  while (n < rest->size() && keep((*rest)[n])) ++n;
  const std::string_view taken = rest->substr(0, n);
  rest->remove_prefix(n);
  return taken;
}

// False when the number times the unit, added to *total, leaves the range of DurationMs.
bool AddExact(std::string_view digits, DurationMs unit_ms, DurationMs* total) {
  DurationMs number = 0;
  for (const char c : digits) {
    if (__builtin_mul_overflow(number, 10, &number)) return false;
    if (__builtin_add_overflow(number, c - '0', &number)) return false;
  }
  DurationMs span = 0;
  return !__builtin_mul_overflow(number, unit_ms, &span) &&
         !__builtin_add_overflow(*total, span, total);
}

}  // namespace

absl::StatusOr<DurationMs> ParseDuration(std::string_view text) {
  if (text == "0") return 0;
  if (text.empty()) return Bad(text, "it is empty");
  DurationMs total = 0;
  size_t next_unit = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view digits = TakeWhile(&rest, IsDigit);
    const std::string_view name = TakeWhile(&rest, [](char c) { return !IsDigit(c); });
    if (digits.empty() || name.empty()) return Bad(text, "want numbers with units, like 1h30m");
    while (next_unit < kUnits.size() && kUnits[next_unit].name != name) ++next_unit;
    if (next_unit == kUnits.size()) {
      return Bad(text, "units are y, w, d, h, m, s, ms, largest first, each at most once");
    }
    if (!AddExact(digits, kUnits[next_unit].ms, &total)) return Bad(text, "it is too long");
    ++next_unit;
  }
  return total;
}

std::string FormatDuration(DurationMs duration_ms) {
  if (duration_ms == 0) return "0s";
  std::string text = duration_ms < 0 ? "-" : "";
  // Unsigned, because the smallest DurationMs has no positive counterpart.
  uint64_t rest =
      duration_ms < 0 ? 0 - static_cast<uint64_t>(duration_ms) : static_cast<uint64_t>(duration_ms);
  for (const Unit& unit : kUnits) {
    const auto unit_ms = static_cast<uint64_t>(unit.ms);
    if (rest < unit_ms || (unit.only_exact && rest % unit_ms != 0)) continue;
    text += std::to_string(rest / unit_ms);
    text += unit.name;
    rest %= unit_ms;
  }
  return text;
}

TimestampMs StepFloor(TimestampMs t, DurationMs step_ms) {
  const TimestampMs past = t % step_ms;
  return t - past - (past < 0 ? step_ms : 0);
}

TimestampMs StepCeil(TimestampMs t, DurationMs step_ms) {
  const TimestampMs past = t % step_ms;
  return t - past + (past > 0 ? step_ms : 0);
}

}  // namespace auspex
