// Running losses of issued forecasts, the recent ones weighing most.
#pragma once

#include "sidecar/core/sample.h"

namespace auspex {

// The losses of one forecast of one target, or their means over several; NaN where there is none.
// Scaled ones are in units of the aggregate's SeasonalChange (model/eval/scores.h), as MASE is.
struct Losses {
  double inside = Missing();       // truth within the outer quantiles: 0 or 1
  double error = Missing();        // scaled absolute error of the median; its mean is the MASE
  double naive_error = Missing();  // the same of the seasonal naive forecast
  double pinball = Missing();      // scaled; twice the mean over the quantile levels
  double bias = Missing();         // scaled; forecast minus truth
};

// After this time a loss counts half: long enough that one weekend does not decide, short enough
// that last month's incident is forgotten.
inline constexpr DurationMs kLossHalfLife = 7 * kDay;

// 40 bytes, of which there is one per aggregate. A plain value.
class LossSums {
 public:
  // Targets come in any order; those that are older than the newest weigh less at once.
  void Add(const Losses& losses, TimestampMs target_ms);

  // Decayed means; NaN where nothing was added.
  Losses Means() const;
  // The number of targets that the means rest on, decayed.
  double weight() const { return static_cast<double>(weight_); }
  TimestampMs newest_ms() const { return newest_ms_; }  // target; 0 before any

 private:
  void DecayTo(TimestampMs target_ms);

  TimestampMs newest_ms_ = 0;
  float weight_ = 0;
  float inside_ = 0;
  // Aggregates that never change have no scale.
  float scaled_weight_ = 0;
  float error_ = 0;
  float naive_error_ = 0;
  float pinball_ = 0;
  float bias_ = 0;
};

}  // namespace auspex
