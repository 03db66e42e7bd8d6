// Chooses how the base is fitted: successive halving (Jamieson and Talwalkar 2016; the inner loop
// of Hyperband, Li et al. 2018). Many settings are fitted for a short time, the best third of them
// longer, and the best of those as long as a fit that is published.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "model/engine/engine.h"
#include "model/spec/fit_settings.h"
#include "model/spec/model_spec.h"
#include "model/train/base_fit.h"
#include "model/train/example_pool.h"
#include "model/train/progress_meter.h"

namespace auspex::model {

// Settings to try: the recipe's defaults unless they are the incumbent, then random ones.
// Deterministic for a seed.
std::vector<FitSettings> DrawSettings(int trials, const FitSettings& incumbent, uint64_t seed);

// What settings are judged on. Borrowed.
struct TuningTask {
  const ModelSpec& spec;
  const ExamplePool& pool;          // to learn from
  const ExamplePool& tail;          // held back; not empty
  std::span<const int> iterations;  // as ChooseBase
  uint64_t seed = 0;
  const ParallelFor& parallel_for;
  ProgressMeter& meter;
  // Whether the budget is spent; polled between iterations, on any thread. May be empty.
  std::function<bool()> spent;
};

// Fits that `trials` settings take, in pieces of work for a meter.
double TuningUnits(size_t trials);

// Tries `settings` and puts a fit in the place of `best` when it is better on the tail by a margin:
// more settings to choose among are more chances to choose luck. When the budget is spent, fits
// that run are dropped and what was known so far decides. The trials come in the order of
// `settings`, the incumbent (as `best` came in) before them. Deterministic for a seed while the
// budget does not bind. Errors as of FitStacked; but where a fit diverges, it and those that were
// stacked with it have lost.
absl::StatusOr<std::vector<FitTrial>> Tune(const TuningTask& task,
                                           std::span<const FitSettings> settings, BaseFit* best);

}  // namespace auspex::model
