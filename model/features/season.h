// Spans of time as steps of a spec's grid.
#pragma once

#include <algorithm>

#include "model/spec/model_spec.h"

namespace auspex::model {

// Every span has at least the points that it needs to be a mean or a difference at all.
struct Season {
  explicit Season(const ModelSpec& spec)
      : day(spec.season_steps()),
        week(7 * day),
        six_hours(std::max(3, day / 4)),
        hour(std::max(2, day / 24)),
        half_hour(std::max(2, day / 48)),
        smoothing(day / 48) {}

  int day;
  int week;
  int six_hours;
  int hour;
  int half_hour;
  int smoothing;  // half an hour to either side; 0 on grids as coarse as an hour
};

}  // namespace auspex::model
