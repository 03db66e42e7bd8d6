// Level and scale of a window, and features of its shape.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "model/features/candidates.h"
#include "model/features/history_view.h"
#include "model/features/season.h"
#include "model/spec/model_spec.h"

namespace auspex::model {

// Of the last seven days.
struct WindowScale {
  double scale;               // mostly the usual change from day to day (docs/model.md); > 0
  double deviation;           // standard deviation
  double absolute_deviation;  // mean |x - mean|
};

// `scratch` is memory that grows to a week and is kept between calls.
WindowScale ScaleOf(const HistoryView& view, const Season& season, std::vector<float>* scratch);

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
