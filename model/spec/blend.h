// What is published as the median.
#pragma once

namespace auspex::model {

// The median that is published: a mix of the network's and two naive forecasts (the publish gate
// chooses it). The spreads of the quantiles stay the network's. The parts sum to 1.
struct Blend {
  float network = 1;
  float seasonal_naive = 0;
  float last = 0;
  bool operator==(const Blend&) const = default;
};

}  // namespace auspex::model
