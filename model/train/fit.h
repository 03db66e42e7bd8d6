// Gradient descent on a pool of examples.
#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "model/spec/model_spec.h"
#include "model/spec/weights.h"
#include "model/train/example_pool.h"

namespace auspex::model {

// The recipe's constants; README.md has their evidence.
struct FitOptions {
  int iterations = 400;
  double learning_rate = 4e-3;  // at the end of the warm-up
  double final_rate = 0.05;     // of it, at the end of the cosine
  int warmup_iterations = 20;
  double weight_decay = 1e-4;
  double gradient_clip = 1.0;  // norm over all parameters
  double encoder_dropout = 0.5;
  int batch_windows = 64;
  int batch_targets = 32;  // of each window
  uint64_t seed = 0;
};

// Called after every iteration; false ends the fit with Cancelled. `loss` is the batch's.
using FitObserver = std::function<bool(int iteration, double loss)>;

// Fits by AdamW on the pinball loss, from `start`. Deterministic; computes on the calling thread
// alone, so several fits may run at once. Cancelled as the observer says; Internal for an error of
// LibTorch's or a loss that is not finite.
absl::StatusOr<Weights> Fit(const ModelSpec& spec, const Weights& start, const ExamplePool& pool,
                            const FitOptions& options, const FitObserver& observer);

// Mean pinball loss over the pool's targets, summed over levels; NaN for an empty pool.
absl::StatusOr<double> PoolLoss(const ModelSpec& spec, const Weights& weights,
                                const ExamplePool& pool);

// What the network answers for every target of the pool, in units of z:
// [windows][targets][levels].
absl::StatusOr<std::vector<float>> PoolQuantiles(const ModelSpec& spec, const Weights& weights,
                                                 const ExamplePool& pool);

}  // namespace auspex::model
