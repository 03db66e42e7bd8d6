#include "sidecar/ledger/interval_factor.h"

#include <algorithm>
#include <cmath>

#include "sidecar/core/calibration.h"

namespace auspex {
namespace {

// In the logarithm of the width, per observation. At the edges of the 80 % interval of a normal
// error the density there is 0.45, so the factor remembers about ten of them (1 / (step *
// density)): enough that one bad day does not double an interval, and few enough to keep up with
// change. The first count no more than later ones, because held-back days have corrected what the
// model says already.
constexpr double kStep = 0.2;

}  // namespace

void IntervalFactor::Update(double missed, double nominal, double weight) {
  const double next = static_cast<double>(log_factor_) + kStep * weight * (missed - nominal);
  log_factor_ = static_cast<float>(std::clamp(next, std::log(kFactorMin), std::log(kFactorMax)));
}

double IntervalFactor::factor() const { return std::exp(static_cast<double>(log_factor_)); }

}  // namespace auspex
