// Which part of a series teaches and which part judges: always the past and the time after it.
#pragma once

#include <span>

#include "model/spec/model_spec.h"
#include "model/train/example_pool.h"

namespace auspex::model {

struct SeriesSplit {
  int observed = 0;  // values that are not missing
  int length = 0;    // steps from the first value to the last
  OriginRange fit;   // before the tail: no target reaches into it
  OriginRange tail;  // held back: every target lies in the tail, which no fit has seen
  OriginRange all;   // both, for the fit that is published
};

// The tail is the last max(horizon + two days, 15 %) of the steps, but at most a third. All ranges
// are empty for a series too short to hold them.
SeriesSplit SplitSeries(const ModelSpec& spec, std::span<const float> values);

}  // namespace auspex::model
