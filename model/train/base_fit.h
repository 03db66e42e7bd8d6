// The base of a rule: one network for all its aggregates.
#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "absl/status/statusor.h"
#include "model/engine/engine.h"
#include "model/spec/fit_settings.h"
#include "model/spec/model_spec.h"
#include "model/spec/weights.h"
#include "model/train/example_pool.h"
#include "model/train/fit.h"

namespace auspex::model {

// The untrained network with a head start: a candidate that errs more over the pool than the best
// one begins with a lower logit.
Weights SkilledStart(const ModelSpec& spec, const ExamplePool& pool);

struct BaseFit {
  Weights weights;                                         // fitted before the tail only
  int iterations = 0;                                      // 0: the start was best
  FitSettings settings;                                    // it was fitted with
  double loss = std::numeric_limits<double>::quiet_NaN();  // on the tail; NaN without one
};

// Fits with each of these numbers of iterations (ascending) on `pool`, side by side, and keeps the
// fit that is best on `tail`. Without a tail the last number is taken. The observer sees the
// longest's iterations.
absl::StatusOr<BaseFit> ChooseBase(const ModelSpec& spec, const ExamplePool& pool,
                                   const ExamplePool& tail, std::span<const int> iterations,
                                   const FitSettings& settings, uint64_t seed,
                                   const FitObserver& observer);

// Fits with that many iterations.
absl::StatusOr<Weights> FitBase(const ModelSpec& spec, const ExamplePool& pool, int iterations,
                                const FitSettings& settings, uint64_t seed,
                                const FitObserver& observer);

}  // namespace auspex::model
