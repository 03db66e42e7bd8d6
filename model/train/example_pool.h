// Examples for training, drawn once: features are computed here and never again.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "model/engine/engine.h"
#include "model/spec/model_spec.h"

namespace auspex::model {

// The part of a series that examples may come from: origins in [first_origin, last_origin], and
// targets before index `targets_end`. Empty when first_origin > last_origin.
struct OriginRange {
  int first_origin = 0;
  int last_origin = -1;
  int targets_end = 0;

  bool empty() const { return first_origin > last_origin; }
};

// One series to draw from. The values are borrowed.
struct PoolSeries {
  std::span<const float> values;
  int64_t first_ms = 0;
  OriginRange range;
  std::span<const float> covariates = {};  // [spec.covariates][values.size()]
};

struct PoolOptions {
  int windows = 3072;
  int targets_per_window = 96;  // drawn once; a batch picks some of them
  uint64_t seed = 0;
};

// Row-major arrays, one row per window. Targets that are missing have z = NaN.
struct ExamplePool {
  int windows = 0;
  int targets = 0;                // per window
  std::vector<float> window;      // [windows][window_features]
  std::vector<float> patches;     // [windows][patches][patch_inputs]
  std::vector<float> candidates;  // [windows][targets][kCandidates], in units of z
  std::vector<float> features;    // [windows][targets][target_features]
  std::vector<float> z;           // [windows][targets]
  std::vector<float> weight;      // [windows], 0..1: how much the window counts in the loss

  bool empty() const { return windows == 0; }
};

// Adds the windows of a pool of the same spec and number of targets (any, where `to` is empty).
void Append(const ExamplePool& from, ExamplePool* to);

// Draws windows: series uniformly among those with a non-empty range, then origins uniformly among
// the observed steps of the range, then targets uniformly. Deterministic for a seed, whatever
// `parallel_for` does. The pool is smaller than asked, or empty, when draws hit nothing usable.
// `cancelled` is polled now and then; after it the pool is empty.
ExamplePool DrawExamples(const ModelSpec& spec, std::span<const PoolSeries> series,
                         const PoolOptions& options, const ParallelFor& parallel_for,
                         const std::function<bool()>& cancelled);

}  // namespace auspex::model
