#include "model/features/calendar.h"

#include <cmath>

#include "gtest/gtest.h"

namespace auspex::model {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;

TEST(CalendarTest, DayBeginsAtMidnightAlsoBefore1970) {
  for (int64_t day : {-400, -1, 0, 1, 20000}) {
    EXPECT_NEAR(TimeOfDay(day * kDayMs).cos, 1, 1e-12) << day;
    EXPECT_NEAR(TimeOfDay(day * kDayMs + 6 * kHourMs).sin, 1, 1e-12) << day;
    EXPECT_NEAR(TimeOfDay(day * kDayMs + 12 * kHourMs).cos, -1, 1e-12) << day;
  }
}

TEST(CalendarTest, WeekBeginsOnMonday) {
  constexpr int64_t kMonday = 1'704'067'200'000;  // 2024-01-01T00:00Z
  EXPECT_NEAR(DayOfWeek(kMonday).cos, 1, 1e-12);
  EXPECT_NEAR(DayOfWeek(kMonday).sin, 0, 1e-12);
  EXPECT_NEAR(DayOfWeek(kMonday + 42 * kHourMs).sin, 1, 1e-12);
  EXPECT_NEAR(DayOfWeek(kMonday - 4000 * 7 * kDayMs).cos, 1, 1e-12);
}

TEST(CalendarTest, DaysAreCountedFrom1970) {
  EXPECT_EQ(DayNumber(0), 0);
  EXPECT_EQ(DayNumber(kDayMs - 1), 0);
  EXPECT_EQ(DayNumber(kDayMs), 1);
  EXPECT_EQ(DayNumber(-1), -1);
  EXPECT_EQ(DayNumber(-kDayMs), -1);
  EXPECT_EQ(DayNumber(-kDayMs - 1), -2);
}

}  // namespace
}  // namespace auspex::model
