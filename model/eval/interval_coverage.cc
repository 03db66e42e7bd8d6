#include "model/eval/interval_coverage.h"

#include <algorithm>
#include <cmath>

namespace auspex::model {
namespace {

constexpr double kStep = 1.05;

}  // namespace

void IntervalCoverage::Add(float truth, std::span<const float> quantiles, size_t median,
                           float last) {
  ++truths_;
  const float outer = truth < quantiles[median] ? quantiles.front() : quantiles.back();
  const double reach =
      std::abs(static_cast<double>(outer) - static_cast<double>(quantiles[median]));
  const double distance =
      std::abs(static_cast<double>(truth) - static_cast<double>(quantiles[median]));
  if (distance <= reach) {
    ++held_[0];
  } else if (reach > 0 && outer != last) {
    const double step = std::ceil(std::log(distance / reach) / std::log(kStep));
    if (step <= kSteps) ++held_[static_cast<size_t>(std::max(step, 1.0))];
  }
}

void IntervalCoverage::Add(const IntervalCoverage& other) {
  truths_ += other.truths_;
  for (size_t i = 0; i < held_.size(); ++i) held_[i] += other.held_[i];
}

double IntervalCoverage::Factor(double nominal) const {
  if (truths_ < kTruthsMin) return 1;
  uint32_t held = 0;
  for (size_t i = 0; i < held_.size(); ++i) {
    held += held_[i];
    if (held >= nominal * truths_) {
      return std::min(std::pow(kStep, static_cast<double>(i)), kFactorMax);
    }
  }
  return kFactorMax;
}

}  // namespace auspex::model
