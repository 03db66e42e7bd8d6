// Applies an interval factor to forecasts. Pure functions.
#pragma once

#include <cstddef>
#include <span>

#include "sidecar/core/sample.h"

namespace auspex {

// What a quantile may be compared with.
struct CalibrationContext {
  double last_value = 0;        // at the origin; NaN when unknown
  bool never_negative = false;  // no value of the context is
};

// No factor leaves these bounds: a model that is farther off needs training, not stretching.
inline constexpr double kFactorMin = 0.25;
inline constexpr double kFactorMax = 4;

// Whether a quantile moves with the factor: not where it is the median itself, exactly the last
// value ("no change" is an answer, not the edge of an interval) or held at zero.
bool Adjustable(float quantile, float median, const CalibrationContext& context);

// Moves the quantiles of one target, [levels] ascending, away from or towards their median, which
// stays. What is not Adjustable stays, and nothing passes it; they do not cross. No value falls
// below zero when the context never did.
void CalibrateTarget(double factor, size_t median, const CalibrationContext& context,
                     std::span<float> quantiles);
// All targets of a forecast, [targets][levels].
void CalibrateTargets(double factor, size_t median, const CalibrationContext& context,
                      size_t levels, std::span<float> quantiles);

}  // namespace auspex
