// Fits the models of one rule, wherever that happens.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sidecar/core/forecast.h"
#include "sidecar/core/sample.h"
#include "sidecar/registry/trained_models.h"

namespace auspex {

// The history of one aggregate: values[i] is at first_ms + i * spec.step_ms, NaN = missing.
struct TrainingSeries {
  TimestampMs first_ms = 0;
  std::vector<float> values;
  std::vector<float> covariates = {};  // [spec.covariates][values.size()], of the same steps
};

struct TrainingJob {
  std::string rule;
  model::ModelSpec spec;
  uint64_t seed = 0;
  bool per_aggregate = true;    // fine-tune own weights besides the base
  int own_steps_min = 0;        // aggregates with fewer values are served by the base
  double seconds_max = 0;       // that fine-tuning may take the job to; 0 = no limit
  double cpu_share = 1;         // of the trainer's processors that the job may take up, (0, 1]
  model::FitSettings settings;  // how the base is fitted
  int tuning_trials = 0;        // other settings that compete with these; 0 = none
  double tuning_cpu_seconds_max = 0;  // CPU time that their fits may take; 0 = no limit
  EvidenceByAggregate evidence;       // of the version before; may be empty
  std::vector<AggregateId> aggregates;
  // Reads the history of one of them. Called for one after the other, so that the daemon never
  // holds more than one; again when another trainer takes the job. An error ends the job with it.
  std::function<absl::StatusOr<TrainingSeries>(AggregateId)> read;
};

struct TrainingProgress {
  std::string stage;    // features | base | tune | own | gate
  double fraction = 0;  // of the whole job, 0..1
  double loss = 0;      // latest training loss; NaN when the stage has none
};

// Called on the thread that trains. May be empty.
using TrainingObserver = std::function<void(const TrainingProgress&)>;
// Polled on any thread several times a second; true ends the job with Cancelled. May be empty.
using CancelCheck = std::function<bool()>;

class Trainer {
 public:
  virtual ~Trainer() = default;

  // Blocks for the length of the job (minutes). `trained_at_ms` of the result is left at 0. Besides
  // what auspex.v1.Trainer answers: Unavailable when there is no trainer or it died,
  // DeadlineExceeded when it was silent or ran for too long, ResourceExhausted when it took too
  // much memory, DataLoss when its answer makes no sense. Whatever the trainer does, the caller
  // only ever sees a Status.
  virtual absl::StatusOr<TrainedModels> Train(const TrainingJob& job,
                                              const TrainingObserver& observer,
                                              const CancelCheck& cancelled) = 0;
};

}  // namespace auspex
