// How a network is fitted, as far as tuning may choose it.
#pragma once

#include <limits>

namespace auspex::model {

// A plain value; the defaults are the recipe's (model/train/README.md).
struct FitSettings {
  double learning_rate = 4e-3;   // at the end of the warm-up; > 0
  double encoder_dropout = 0.5;  // of the encoder's outputs, 0 <= share < 1
  double weight_decay = 1e-4;    // >= 0
  bool operator==(const FitSettings&) const = default;
};

// One candidate of tuning and how it did.
struct FitTrial {
  FitSettings settings;
  // Of its longest fit; 0 when the budget was spent before it had one.
  int iterations = 0;
  // Of that fit on held-back origins: pinball loss, summed over levels, in units of each window's
  // scale. NaN without a fit.
  double loss = std::numeric_limits<double>::quiet_NaN();
};

}  // namespace auspex::model
