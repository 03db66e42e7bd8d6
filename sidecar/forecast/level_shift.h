// When a series has just moved to another level, so that its past says little about its future.
#pragma once

#include <span>

#include "sidecar/core/sample.h"

namespace auspex {

// Whether every value of the last two hours (at least three) lies outside the central 90 % of the
// seven days before, on one side, by more than twice the width of their central 80 %. A trend, a
// nightly job or a weekend does not get that far; a shift stays one for about half a day, by when
// the candidates have followed it. False with less than a day of history before the two hours.
// `context` is newest last, NaN = missing. Cheap where the newest values are ordinary ones.
bool IsLevelShift(std::span<const float> context, DurationMs step_ms);

}  // namespace auspex
