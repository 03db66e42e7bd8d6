#include "deploy/simulator/shapes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>

namespace auspex::simulator {
namespace {

constexpr double kWeekend = 0.35;  // activity at the weekend, relative to a working day
constexpr double kPurgeAt = 3 * kHourSeconds;
constexpr double kPurgeTakes = 30 * kMinuteSeconds;
constexpr size_t kSlots = 288;  // five-minute slots of the table below
constexpr double kSlotSeconds = kDaySeconds / kSlots;

double Bump(double hour, double centre, double width) {
  const double z = (hour - centre) / width;
  return std::exp(-0.5 * z * z);
}

double WorkingDay(double second_of_day) {
  const double hour = second_of_day / kHourSeconds;
  const double busy = 0.12 + Bump(hour, 10.8, 1.8) + 1.1 * Bump(hour, 16.2, 2.4);
  return busy / 1.3;
}

int64_t DayOf(double t) { return static_cast<int64_t>(std::floor(t / kDaySeconds)); }

double WeekdayFactor(int64_t day) {
  const int64_t weekday = ((day + 4) % 7 + 7) % 7;  // day 0, 1970-01-01, was a Thursday; 0 = Sunday
  return weekday == 0 || weekday == 6 ? kWeekend : 1.0;
}

// Busy seconds of a working day up to the start of each slot.
const std::array<double, kSlots + 1>& WorkingDayTable() {
  static const std::array<double, kSlots + 1> table = [] {
    std::array<double, kSlots + 1> sums{};
    for (size_t i = 0; i < kSlots; ++i) {
      const double middle = (static_cast<double>(i) + 0.5) * kSlotSeconds;
      sums[i + 1] = sums[i] + WorkingDay(middle) * kSlotSeconds;
    }
    return sums;
  }();
  return table;
}

double BusySecondsOfWorkingDay(double second_of_day) {
  const auto& table = WorkingDayTable();
  const double slot = std::clamp(second_of_day / kSlotSeconds, 0.0, static_cast<double>(kSlots));
  const size_t i = std::min(static_cast<size_t>(slot), kSlots - 1);
  return table[i] + (slot - static_cast<double>(i)) * (table[i + 1] - table[i]);
}

}  // namespace

double Activity(double t) {
  const int64_t day = DayOf(t);
  return WeekdayFactor(day) * WorkingDay(t - static_cast<double>(day) * kDaySeconds);
}

double BusySeconds(double t) {
  const int64_t day = DayOf(t);
  const double whole_day = WorkingDayTable().back();
  // Whole weeks first, then the days of the present one.
  const int64_t weeks = day / 7;
  double days = static_cast<double>(weeks) * (5 + 2 * kWeekend);
  for (int64_t d = weeks * 7; d < day; ++d) days += WeekdayFactor(d);
  const double today = t - static_cast<double>(day) * kDaySeconds;
  return days * whole_day + WeekdayFactor(day) * BusySecondsOfWorkingDay(today);
}

double Scratch(double t) {
  const double purge = static_cast<double>(DayOf(t - kPurgeAt)) * kDaySeconds + kPurgeAt;
  const double whole_day = WorkingDayTable().back();
  const double since = (BusySeconds(t) - BusySeconds(purge)) / whole_day;
  const double purging = std::max(0.0, 1.0 - (t - purge) / kPurgeTakes);
  const double before = (BusySeconds(purge) - BusySeconds(purge - kDaySeconds)) / whole_day;
  return since + purging * before;
}

double Pulse::At(double t) const {
  if (t <= start || t >= end()) return 0;
  if (t < start + rise) return size * (t - start) / rise;
  if (t < start + rise + hold) return size;
  return size * (end() - t) / fall;
}

double Pulse::Written(double t) const { return size * std::clamp((t - start) / rise, 0.0, 1.0); }

double Ripple::At(double t) const {
  double sum = 0;
  for (const Wave& wave : waves) {
    sum += wave.height * std::sin(2 * std::numbers::pi * t / wave.period + wave.phase);
  }
  return sum;
}

}  // namespace auspex::simulator
