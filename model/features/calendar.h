// Time of day and day of week as points on circles; days.
#pragma once

#include <cstdint>

namespace auspex::model {

struct CirclePoint {
  double sin = 0;
  double cos = 1;
};

// Position of a local time (milliseconds since 1970-01-01 00:00 local) in its day: 0 at midnight.
CirclePoint TimeOfDay(int64_t local_ms);
// Position in its week: 0 at the start of Monday.
CirclePoint DayOfWeek(int64_t local_ms);
// Its day, in days since 1970-01-01.
int DayNumber(int64_t local_ms);

}  // namespace auspex::model
