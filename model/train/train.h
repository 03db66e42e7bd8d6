// Fits the models of one rule: a base shared by all its aggregates, then own weights fine-tuned
// from it, and the choice of what of all that is good enough to publish. No LibTorch type shows
// here. The recipe, with its reasons, is in README.md of this folder.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "model/engine/engine.h"
#include "model/eval/gate_evidence.h"
#include "model/eval/publish_gate.h"
#include "model/spec/fit_settings.h"
#include "model/spec/model_spec.h"
#include "model/spec/weights.h"

namespace auspex::model {

// The history of one aggregate: values[i] is at first_ms + i * spec.step_ms, NaN = missing.
struct TrainSeries {
  uint32_t aggregate = 0;
  int64_t first_ms = 0;
  std::vector<float> values;
  std::vector<float> covariates = {};  // [spec.covariates][values.size()], of the same steps
  GateEvidence evidence = {};          // of the rule's earlier trainings
};

struct TrainJob {
  ModelSpec spec;
  uint64_t seed = 0;
  // Fine-tune own weights for each aggregate besides the base.
  bool per_aggregate = true;
  // Series with fewer values than this are served by the base.
  int own_steps_min = 0;
  // Time that the job aims to take, tuning apart; 0 = no limit. The base is always fitted;
  // fine-tuning stops when the budget is spent. Together with it the result depends on the
  // machine's speed.
  double seconds_max = 0;
  // How the base is fitted: as the version that serves was, where that was tuned.
  FitSettings settings;
  // Other settings that compete with these; see tuning.h. 0 = none.
  int tuning_trials = 0;
  // CPU time that their fits may take; 0 = no limit. When it binds, the result depends on the
  // machine's speed.
  double tuning_cpu_seconds_max = 0;
  std::vector<TrainSeries> series;
};

// How much work goes into a job; README.md has the evidence for the defaults. Less is faster and,
// from a point on, worse.
struct TrainRecipe {
  // Lengths of the base's fit that are tried, ascending. Not empty.
  std::vector<int> base_iterations = {150, 400, 800};
  int own_iterations = 60;
  int pool_windows = 3072;  // examples of the base
};

struct TrainProgress {
  std::string_view stage;  // features | base | tune | own | gate
  double fraction = 0;     // of the whole job, 0..1, never falling
  double loss = 0;         // latest training loss of the stage; NaN when it has none
};

// One candidate of the gate, scored on the held-back origins, in units of each window's scale.
struct TrainedScore {
  GateCandidate candidate{};
  double mae = 0;      // of the median
  double pinball = 0;  // summed over the levels
};

struct TrainedSeries {
  uint32_t aggregate = 0;
  GateCandidate choice{};
  std::vector<TrainedScore> scores;  // empty when nothing of the series could be held back
  GateEvidence evidence;             // with this training: what the choice rests on
  Weights own;                       // empty unless UsesOwn(choice)
};

struct TrainResult {
  Weights base;
  GateCandidate choice{};            // for the rule: serves aggregates that the job did not hold
  std::vector<TrainedScore> scores;  // geometric means over the series
  int origins = 0;                   // held-back origins that were scored
  int base_iterations = 0;           // 0: no training beat the untrained network
  // What the distance of all quantiles from the median is to be multiplied by, from how the chosen
  // forecasts covered the held-back truths: 1..IntervalCoverage::kFactorMax.
  double interval_factor = 1;
  FitSettings settings;          // of the base: the job's, or tuned ones that were better
  std::vector<FitTrial> trials;  // of tuning, the job's settings first; empty without it
  double tuning_cpu_seconds = 0;
  std::vector<TrainedSeries> series;  // in the job's order
};

struct TrainOptions {
  // Runs pieces that may compute at the same time. Its bodies do not throw.
  ParallelFor parallel_for = SerialFor();
  int threads = 1;              // bodies of it that run at the same time: how work is shared out
  std::string engine = "auto";  // backend that scores the candidates
  TrainRecipe recipe;
  // Seconds on a monotonic clock. Required when the job has a budget.
  std::function<double()> now_seconds;
  // Seconds of CPU time of the process, which should do nothing else. Required for tuning.
  std::function<double()> cpu_seconds;
  // Called often (many times a second while fitting), never by two threads at once. May be empty.
  std::function<void(const TrainProgress&)> progress;
  // Polled often, possibly by several threads at once; true ends the job with Cancelled within a
  // fraction of a second. May be empty.
  std::function<bool()> cancelled;
};

// InvalidArgument for a bad spec or series that do not fit it, FailedPrecondition when no series
// has enough values for one window with a target, Cancelled, ResourceExhausted when memory ran out,
// Internal for an error of LibTorch's. On one machine the result depends on the job alone, whatever
// parallel_for and threads are (but see seconds_max).
absl::StatusOr<TrainResult> Train(const TrainJob& job, const TrainOptions& options);

}  // namespace auspex::model
