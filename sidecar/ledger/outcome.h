// One forecast of one target beside what came. Pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "sidecar/core/forecast.h"
#include "sidecar/core/sample.h"
#include "sidecar/ledger/loss_sums.h"

namespace auspex {

struct Outcome {
  AggregateId aggregate{};
  std::vector<float> quantiles;        // as issued, [levels] of the batch
  double truth = 0;                    // at the target; finite
  double last_value = Missing();       // at the origin
  double naive = Missing();            // seasonal naive forecast of the target
  double seasonal_change = Missing();  // of the history: the scale
  bool never_negative = false;         // so the quantiles were held at zero
};

// What a rule had forecast for one time at one lead, and what came.
struct OutcomeBatch {
  DurationMs lead_ms = 0;
  TimestampMs target_ms = 0;
  std::vector<double> levels;  // ascending, holds 0.5
  double factor = 1;           // that the issued quantiles hold
  std::vector<Outcome> outcomes;
};

// Index of level 0.5. REQUIRES: there is one.
size_t MedianIndex(std::span<const double> levels);

// The losses of one outcome; scaled ones NaN unless there is a scale above zero and a naive
// forecast, inside NaN without an interval.
Losses LossesOf(const Outcome& outcome, std::span<const double> levels);
// Means over those that have the loss.
Losses MeanLosses(std::span<const Losses> losses);

// How often truths lay outside the outer quantiles, had these been issued with `factor`, and how
// often they should: sums over the two sides of the shares of the outcomes whose quantile there is
// Adjustable (calibration.h); a side without any adds to neither. Both 0 when no side has any.
struct Misses {
  double missed = 0;
  double nominal = 0;
};
Misses MissesAt(const OutcomeBatch& batch, double factor);

}  // namespace auspex
