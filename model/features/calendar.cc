#include "model/features/calendar.h"

#include <cmath>
#include <numbers>

namespace auspex::model {
namespace {

constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kWeekMs = 7 * kDayMs;
// 1970-01-01 was a Thursday, so the first Monday began four days later.
constexpr int64_t kFirstMondayMs = 4 * kDayMs;

CirclePoint PointOf(int64_t time_ms, int64_t period_ms) {
  const int64_t rest = time_ms % period_ms;
  const double share = static_cast<double>(rest < 0 ? rest + period_ms : rest) / period_ms;
  const double angle = 2 * std::numbers::pi * share;
  return {std::sin(angle), std::cos(angle)};
}

}  // namespace

CirclePoint TimeOfDay(int64_t local_ms) { return PointOf(local_ms, kDayMs); }

CirclePoint DayOfWeek(int64_t local_ms) { return PointOf(local_ms - kFirstMondayMs, kWeekMs); }

int DayNumber(int64_t local_ms) {
  return static_cast<int>(local_ms / kDayMs) - (local_ms % kDayMs < 0 ? 1 : 0);
}

}  // namespace auspex::model
