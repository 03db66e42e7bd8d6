#include "model/eval/gate_evidence.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace auspex::model {
namespace {

size_t WithoutOwn(size_t candidate) {
  return static_cast<size_t>(WithoutOwn(static_cast<GateCandidate>(candidate)));
}

// The error of a candidate, or of its base counterpart where it is missing.
double ErrorOf(const GateErrors& errors, size_t candidate) {
  return errors[std::isfinite(errors[candidate]) ? candidate : WithoutOwn(candidate)];
}

double Log(double error) { return std::log(std::max(error, kGateErrorFloor)); }

// The geometric mean of both, `past` weighing `weight` and `now` 1; NaN for candidates that both
// lack.
GateErrors Mean(const GateErrors& past, double weight, const GateErrors& now) {
  GateErrors mean;
  for (size_t i = 0; i < mean.size(); ++i) {
    const bool seen = std::isfinite(past[i]) || std::isfinite(now[i]);
    mean[i] = seen
                  ? std::exp((weight * Log(ErrorOf(past, i)) + Log(ErrorOf(now, i))) / (weight + 1))
                  : std::numeric_limits<double>::quiet_NaN();
  }
  return mean;
}

// Whether the gate could choose by these errors: there is one of all but own networks.
bool Scored(const AggregateErrors& errors) {
  for (size_t i = 0; i < errors.mean.size(); ++i) {
    if (WithoutOwn(i) != i) continue;
    if (!std::isfinite(errors.mean[i]) || !std::isfinite(errors.typical[i])) return false;
  }
  return true;
}

}  // namespace

AggregateErrors UnseenErrors() {
  AggregateErrors errors;
  errors.mean.fill(std::numeric_limits<double>::quiet_NaN());
  errors.typical.fill(std::numeric_limits<double>::quiet_NaN());
  return errors;
}

GateEvidence WithTraining(const GateEvidence& past, const AggregateErrors& errors) {
  const double weight = kEvidenceKept * past.weight;
  if (!Scored(errors)) return {.errors = past.errors, .weight = weight};
  if (!(weight > 0) || !Scored(past.errors)) return {.errors = errors, .weight = 1};
  return {.errors = {.mean = Mean(past.errors.mean, weight, errors.mean),
                     .typical = Mean(past.errors.typical, weight, errors.typical)},
          .weight = weight + 1};
}

}  // namespace auspex::model
