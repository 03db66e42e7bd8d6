// Thousands of aggregates to forecast: contexts and weights that all differ.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "model/engine/engine.h"
#include "model/spec/model_spec.h"

namespace auspex {

// Contexts of the shapes that a fleet has: usage with a day and a week, a quota that fills in steps
// and is cleared, a noisy load, and bursts between zeros; some have gaps. Weights are as after
// training: no parameter is zero. Deterministic. Immutable once made.
class Fleet {
 public:
  // Prepares `size` networks with `engine`, which must outlive the fleet.
  Fleet(const model::ModelSpec& spec, size_t size, model::Engine& engine);

  size_t size() const { return items_.size(); }
  std::span<const model::ForecastItem> items() const { return items_; }

 private:
  std::vector<float> contexts_;  // [size][context_steps]
  std::vector<std::shared_ptr<const model::PreparedModel>> models_;
  std::vector<model::ForecastItem> items_;
};

}  // namespace auspex
