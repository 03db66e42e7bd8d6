// Gradient descent on a pool of examples.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "model/spec/fit_settings.h"
#include "model/spec/model_spec.h"
#include "model/spec/weights.h"
#include "model/train/example_pool.h"

namespace auspex::model {

// What the members of a fit share; README.md has the evidence.
struct FitOptions {
  double final_rate = 0.05;  // of the learning rate, at the end of the cosine
  int warmup_iterations = 20;
  double gradient_clip = 1.0;  // norm over all parameters
  int batch_windows = 64;
  int batch_targets = 32;  // of each window
};

// One of several networks that are fitted side by side, each on its own part of a pool.
struct FitMember {
  Weights start;
  int first_window = 0;
  int windows = 0;  // > 0
  int iterations = 400;
  uint64_t seed = 0;
  FitSettings settings;
};

// Called after every iteration; false ends the fit with Cancelled. `loss` is the mean of the
// members' batches.
using FitObserver = std::function<bool(int iteration, double loss)>;

// Fits by AdamW on the pinball loss; the result is in the members' order. One call for many members
// is several times faster than a call for each. Deterministic, and what a member becomes does not
// depend on the others (but for the rounding of sums, and for the batch, which has no more windows
// than the smallest part). Computes on the calling thread alone, so several fits may run at once.
// `spec` has one member: those of one model are fitted as members here (base_fit.h).
// Cancelled as the observer says; FailedPrecondition for a member without windows; Internal for an
// error of LibTorch's or a loss that is not finite.
absl::StatusOr<std::vector<Weights>> FitStacked(const ModelSpec& spec,
                                                std::span<const FitMember> members,
                                                const ExamplePool& pool, const FitOptions& options,
                                                const FitObserver& observer);

// Mean pinball loss of the model over the pool's targets, summed over levels; NaN for an empty
// pool.
absl::StatusOr<double> PoolLoss(const ModelSpec& spec, const Weights& weights,
                                const ExamplePool& pool);

// What the model answers for every target of the pool, in units of z: [windows][targets][levels].
absl::StatusOr<std::vector<float>> PoolQuantiles(const ModelSpec& spec, const Weights& weights,
                                                 const ExamplePool& pool);

}  // namespace auspex::model
