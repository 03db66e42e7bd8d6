// What a training job gave for one rule: plain values, from the trainer to the registry.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "model/spec/blend.h"
#include "model/spec/fit_settings.h"
#include "model/spec/model_spec.h"
#include "model/spec/weights.h"
#include "sidecar/core/forecast.h"
#include "sidecar/core/sample.h"

namespace auspex {

// The forecast that the publish gate chose. A candidate without a network part is a naive
// forecast that no network beat.
struct ModelChoice {
  std::string candidate = "base";  // base | own | seasonal_naive | last | base+seasonal_naive | ...
  bool own = false;  // the network part comes from the aggregate's own weights, else the base
  model::Blend blend;
  bool operator==(const ModelChoice&) const = default;
};

// One candidate of the gate, scored on held-back origins; in units of each window's scale.
struct ModelScore {
  std::string candidate;
  double mae = 0;
  double pinball = 0;
  bool operator==(const ModelScore&) const = default;
};

// What trainings have seen of one candidate; in units of each window's scale.
struct CandidateErrors {
  std::string candidate;
  double mean = 0;
  double typical = 0;  // squared mean of the roots of each window's error
  bool operator==(const CandidateErrors&) const = default;
};

// What the gate chose by: what the rule's trainings so far have seen of an aggregate. The next one
// gets it back as it is.
struct ModelEvidence {
  double weight = 0;  // in trainings; 0: nothing is known
  std::vector<CandidateErrors> candidates;
  bool operator==(const ModelEvidence&) const = default;
};

using EvidenceByAggregate = absl::flat_hash_map<AggregateId, ModelEvidence>;

struct TrainedAggregate {
  AggregateId aggregate{};
  ModelChoice choice;
  std::vector<ModelScore> scores;
  ModelEvidence evidence;
  model::Weights own;  // empty unless choice.own
};

struct TrainedModels {
  model::ModelSpec spec;
  model::Weights base;
  ModelChoice choice;              // at rule level: for aggregates that are not listed
  std::vector<ModelScore> scores;  // at rule level
  int origins = 0;                 // held-back origins that were scored
  int base_iterations = 0;
  double interval_factor = 1;   // of the quantiles' distance from the median (core/calibration.h)
  model::FitSettings settings;  // that the base was fitted with
  std::vector<model::FitTrial> trials;  // of tuning, what served before first; empty without it
  double tuning_cpu_seconds = 0;
  double seconds = 0;             // how long the job took
  TimestampMs trained_at_ms = 0;  // wall clock
  std::vector<TrainedAggregate> aggregates;
};

}  // namespace auspex
