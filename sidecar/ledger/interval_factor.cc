#include "sidecar/ledger/interval_factor.h"

#include <algorithm>
#include <cmath>

namespace auspex {
namespace {

// The best step for a quantile after n observations is 1 / (n * density) (Robbins and Monro 1951);
// at the edges of the 80 % interval of a normal error the density in the logarithm of the width is
// 0.45.
constexpr double kStepScale = 2.25;
// Counts the model's own word as so many observations: one bad day does not double an interval.
constexpr double kPriorEvidence = 4;
constexpr double kStepMin = 0.2;

}  // namespace

void IntervalFactor::Update(double missed, double nominal, double weight) {
  const double step = weight * std::max(kStepMin, kStepScale / (kPriorEvidence + evidence()));
  const double next = static_cast<double>(log_factor_) + step * (missed - nominal);
  log_factor_ = static_cast<float>(std::clamp(next, std::log(kFactorMin), std::log(kFactorMax)));
  // Past the floor of the step more evidence changes nothing.
  evidence_ = static_cast<float>(std::min(evidence() + weight, kStepScale / kStepMin));
}

double IntervalFactor::factor() const { return std::exp(static_cast<double>(log_factor_)); }

}  // namespace auspex
