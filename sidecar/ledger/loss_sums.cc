#include "sidecar/ledger/loss_sums.h"

#include <cmath>
#include <initializer_list>

namespace auspex {
namespace {

// What remains after `age_ms`.
double Decay(DurationMs age_ms) {
  return std::exp2(-static_cast<double>(age_ms) / static_cast<double>(kLossHalfLife));
}

double Ratio(float sum, float weight) {
  return weight > 0 ? static_cast<double>(sum) / static_cast<double>(weight) : Missing();
}

void AddTo(float& sum, double weight, double value) {
  sum = static_cast<float>(static_cast<double>(sum) + weight * value);
}

}  // namespace

void LossSums::DecayTo(TimestampMs target_ms) {
  if (target_ms <= newest_ms_) return;
  const auto decay = static_cast<float>(Decay(target_ms - newest_ms_));
  for (float* sum :
       {&weight_, &inside_, &scaled_weight_, &error_, &naive_error_, &pinball_, &bias_}) {
    *sum *= decay;
  }
  newest_ms_ = target_ms;
}

void LossSums::Add(const Losses& losses, TimestampMs target_ms) {
  DecayTo(target_ms);
  const double weight = Decay(newest_ms_ - target_ms);
  if (!IsMissing(losses.inside)) {
    AddTo(weight_, weight, 1);
    AddTo(inside_, weight, losses.inside);
  }
  if (IsMissing(losses.error)) return;
  AddTo(scaled_weight_, weight, 1);
  AddTo(error_, weight, losses.error);
  AddTo(naive_error_, weight, losses.naive_error);
  AddTo(pinball_, weight, losses.pinball);
  AddTo(bias_, weight, losses.bias);
}

Losses LossSums::Means() const {
  return {.inside = Ratio(inside_, weight_),
          .error = Ratio(error_, scaled_weight_),
          .naive_error = Ratio(naive_error_, scaled_weight_),
          .pinball = Ratio(pinball_, scaled_weight_),
          .bias = Ratio(bias_, scaled_weight_)};
}

}  // namespace auspex
