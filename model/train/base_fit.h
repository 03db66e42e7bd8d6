// The base of a rule: one model for all its aggregates.
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

// The untrained model of this seed with a head start: a candidate that errs more over the pool than
// the best one begins with a lower logit.
Weights SkilledStart(const ModelSpec& spec, const ExamplePool& pool, uint64_t seed);

struct BaseFit {
  Weights weights;                                         // fitted before the tail only
  int iterations = 0;                                      // 0: the start was best
  FitSettings settings;                                    // it was fitted with
  double loss = std::numeric_limits<double>::quiet_NaN();  // on the tail; NaN without one
};

// What the fits of a base share. References are borrowed.
struct BaseTask {
  const ModelSpec& spec;
  const ExamplePool& pool;  // to learn from
  uint64_t seed = 0;
  ParallelFor parallel_for;
  int threads = 1;  // bodies of it that run at the same time
  // Sees the iterations of every stack, possibly on several threads at once.
  const FitObserver& observer;
};

// How often the observer is called, at most, for fits of these numbers of iterations (ascending).
int ObservedIterations(const BaseTask& task, std::span<const int> iterations);

// Fits with each of these numbers of iterations (ascending), side by side, and keeps the fit that
// is best on `tail`. Without a tail the last number is taken.
absl::StatusOr<BaseFit> ChooseBase(const BaseTask& task, const ExamplePool& tail,
                                   std::span<const int> iterations, const FitSettings& settings);

// Fits with that many iterations.
absl::StatusOr<Weights> FitBase(const BaseTask& task, int iterations, const FitSettings& settings);

}  // namespace auspex::model
