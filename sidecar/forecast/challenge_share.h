// Which aggregates a challenger serves.
#pragma once

#include "sidecar/core/label_set.h"

namespace auspex {

// Whether an aggregate belongs to the `share_percent` (0..100) of all that a challenger serves. Its
// labels alone decide, by a hash that is the same on every machine: an aggregate does not flip over
// restarts or from challenge to challenge, and a larger share holds all of a smaller one.
bool InChallengeShare(const LabelSet& labels, int share_percent);

}  // namespace auspex
