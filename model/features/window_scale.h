// Level and scale of a window, and features of its shape.
#pragma once

#include <algorithm>
#include <array>

#include "model/features/candidates.h"
#include "model/features/history_view.h"
#include "model/features/season.h"
#include "model/spec/model_spec.h"

namespace auspex::model {

// Of the last seven days.
struct WindowScale {
  double scale;               // 0.7 * seasonal_change + 0.3 * deviation, with a floor; > 0
  double deviation;           // standard deviation
  double absolute_deviation;  // mean |x - mean|
};

WindowScale ScaleOf(const HistoryView& view, const Season& season);

// (value - level) / scale, within +-kZMax.
inline double ToZ(double value, double level, double scale) {
  return std::clamp((value - level) / scale, -kZMax, kZMax);
}

// Log of spread against scale; size and recent change of the last value; heaviness of the tails;
// days of history (in fortnights, at most 2); whether the last day is all zero; the last day's
// mean.
std::array<float, kShapeFeatures> ShapeFeatures(const HistoryView& view, const Season& season,
                                                const OriginStatistics& statistics,
                                                const WindowScale& scale, double level);

}  // namespace auspex::model
