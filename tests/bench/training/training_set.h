// What everybody trains on: one aggregate per network, each with windows of its own.
#pragma once

#include <cstddef>
#include <vector>

#include "model/spec/model_spec.h"
#include "model/train/example_pool.h"
#include "model/train/fit.h"

namespace auspex {

// Some of the set's networks, with their windows back to back in one pool.
struct NetworkStack {
  model::ExamplePool pool;
  std::vector<model::FitMember> members;
};

// Deterministic. Immutable once made.
class TrainingSet {
 public:
  // The fine-tuning of the product: the default network, 256 windows of 64 targets each of an
  // aggregate's own history (a day wave of its own phase, level and noise, four weeks of it).
  TrainingSet(size_t networks, int iterations);

  size_t size() const { return pools_.size(); }
  const model::ModelSpec& spec() const { return spec_; }
  const model::FitOptions& options() const { return options_; }
  const model::FitSettings& settings() const { return settings_; }  // of every network
  int iterations() const { return iterations_; }

  // The networks [begin, end).
  NetworkStack Stack(size_t begin, size_t end) const;
  // Multiplications and additions of one network's matrices over the whole training, forward and
  // backward.
  double Operations() const;

 private:
  const model::ModelSpec spec_;
  const model::FitOptions options_;
  const model::FitSettings settings_;
  const int iterations_;
  std::vector<model::ExamplePool> pools_;
};

}  // namespace auspex
