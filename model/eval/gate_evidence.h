// What the trainings of a rule, one after another, have seen of the gate's candidates. The
// held-back origins of one training are a few days: what is chosen on them alone follows their
// luck. Pure functions.
#pragma once

#include "model/eval/publish_gate.h"

namespace auspex::model {

// Errors that no training has seen: all NaN.
AggregateErrors UnseenErrors();

// Of one aggregate.
struct GateEvidence {
  // Geometric means of each training's errors, as ChooseForecasts reads them.
  AggregateErrors errors = UnseenErrors();
  // How many trainings it stands for, the newest for 1; 0 before the first.
  double weight = 0;  // 0..kEvidenceWeightMax
};

// The part of what was known that still counts at the next training: a tenth is forgotten.
inline constexpr double kEvidenceKept = 0.9;
inline constexpr double kEvidenceWeightMax = 1 / (1 - kEvidenceKept);

// What is known once a training has seen `errors`. Where the gate could not choose by them (nothing
// was held back, or a forecast was no number), what was known stays. Errors below kGateErrorFloor
// count as that. A candidate with an own network that one side lacks is there its base counterpart,
// for which the gate takes it too.
GateEvidence WithTraining(const GateEvidence& past, const AggregateErrors& errors);

}  // namespace auspex::model
