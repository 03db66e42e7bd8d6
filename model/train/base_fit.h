// The base of a rule: one network for all its aggregates.
#pragma once

#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "model/engine/engine.h"
#include "model/spec/model_spec.h"
#include "model/spec/weights.h"
#include "model/train/example_pool.h"
#include "model/train/progress_meter.h"

namespace auspex::model {

// The untrained network with a head start: a candidate that errs more over the pool than the best
// one begins with a lower logit.
Weights SkilledStart(const ModelSpec& spec, const ExamplePool& pool);

struct BaseFit {
  Weights weights;     // fitted before the tail only
  int iterations = 0;  // 0: the start was best
};

// Fits with each of these numbers of iterations (ascending) on `pool`, side by side, and keeps the
// fit that is best on `tail`. Without a tail the last number is taken. The longest's iterations
// advance the meter.
absl::StatusOr<BaseFit> ChooseBase(const ModelSpec& spec, const ExamplePool& pool,
                                   const ExamplePool& tail, std::span<const int> iterations,
                                   uint64_t seed, ProgressMeter& meter);

// Fits with that many iterations, each of which advances the meter.
absl::StatusOr<Weights> FitBase(const ModelSpec& spec, const ExamplePool& pool, int iterations,
                                uint64_t seed, ProgressMeter& meter);

}  // namespace auspex::model
