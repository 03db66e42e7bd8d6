// Which output series take each other's place.
#pragma once

#include <cstddef>

#include "sidecar/core/label_set.h"

namespace auspex {

// A hash of the labels that stay when an output series is succeeded by another: all but `period`
// (day becomes night), `model` and `reason`. A series and its successor have the same one, also the
// staleness marker of the one and the first sample of the other. Differs from process to process.
size_t SeriesIdentityHash(const LabelSet& labels);

}  // namespace auspex
