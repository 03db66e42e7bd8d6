#include "model/eval/gate_evidence.h"

#include <cmath>
#include <limits>

namespace auspex::model {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// The geometric mean of both, `past` weighing `weight` and `now` 1. REQUIRES: both are complete.
GateErrors Mean(const GateErrors& past, double weight, const GateErrors& now) {
  GateErrors mean;
  for (size_t i = 0; i < mean.size(); ++i) {
    mean[i] = std::exp((weight * std::log(past[i]) + std::log(now[i])) / (weight + 1));
  }
  return mean;
}

// Takes out the candidates that neither has, for which others stood.
void RemoveUnseen(const GateErrors& past, const GateErrors& now, GateErrors* mean) {
  for (size_t i = 0; i < mean->size(); ++i) {
    if (!std::isfinite(past[i]) && !std::isfinite(now[i])) (*mean)[i] = kNone;
  }
}

}  // namespace

AggregateErrors UnseenErrors() {
  AggregateErrors errors;
  errors.mean.fill(kNone);
  errors.typical.fill(kNone);
  return errors;
}

GateEvidence WithTraining(const GateEvidence& past, const AggregateErrors& errors) {
  const double weight = kEvidenceKept * past.weight;
  AggregateErrors before = past.errors;
  AggregateErrors now = errors;
  if (!Complete(&now)) return {.errors = past.errors, .weight = weight};
  if (!(weight > 0) || !Complete(&before)) return {.errors = errors, .weight = 1};
  GateEvidence evidence{.errors = {.mean = Mean(before.mean, weight, now.mean),
                                   .typical = Mean(before.typical, weight, now.typical)},
                        .weight = weight + 1};
  RemoveUnseen(past.errors.mean, errors.mean, &evidence.errors.mean);
  RemoveUnseen(past.errors.typical, errors.typical, &evidence.errors.typical);
  return evidence;
}

}  // namespace auspex::model
