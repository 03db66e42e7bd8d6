// Replays the past: trains and forecasts at earlier origins as the daemon would have, with what
// was known then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "model/engine/engine.h"
#include "model/spec/model_spec.h"
#include "sidecar/backtest/refit_plan.h"
#include "sidecar/trainer/trainer.h"

namespace auspex {

struct BacktestTask {
  model::ModelSpec spec;  // its quantiles are taken to be 0.1, 0.5 and 0.9
  int score_steps = 1;    // every so manieth target is answered; divides the horizon
  std::vector<BacktestSeries> series;
  RefitPolicy refit;
  uint64_t seed = 1;
  bool per_aggregate = true;
  DurationMs own_history_min = 3 * kDay;  // as retrain.min_history
  // As retrain.tune, but against the default settings at every refit. 0 = no tuning.
  int tuning_trials = 0;
  // 0 = whatever it takes. When it binds, the result depends on the machine's speed.
  double tuning_cpu_seconds_max = 0;
  bool calibrate = true;  // the intervals, by a ledger
};

// One value per answered target, of the quantiles 0.1, 0.5 and 0.9.
struct BacktestForecast {
  size_t series = 0;  // index into the task's
  TimestampMs origin_ms = 0;
  bool extra = false;  // one of extra_origins_ms
  std::vector<float> low;
  std::vector<float> median;
  std::vector<float> high;
};

struct BacktestParts {
  Trainer& trainer;
  model::Engine& engine;
  std::string directory;  // exists; models pass through it
  // The share of the work that is done, 0..1, never falling; on any thread, one at a time. May be
  // empty.
  std::function<void(double fraction)> progress;
  CancelCheck cancelled;  // polled on any thread; may be empty
};

// Gets the forecasts by refit, in it by series and origin, extra ones last, on the thread that
// called. An error ends the backtest with it.
using ForecastSink = std::function<absl::Status(const BacktestForecast&)>;

// Training at a time T reads values up to T only, and a forecast those up to its origin. Each refit
// knows what the ones before it saw of the gate's candidates, as in the daemon. Where
// training says that there is too little history (FailedPrecondition) the untrained network
// answers, as in the daemon; every other error of a trainer ends the backtest. Nothing is left out
// as too short or ended, unlike in the daemon: without hard windows the scores would flatter. With
// `calibrate` a ledger stretches the intervals of each by the targets of the others that had closed
// at its origin (causal_calibration.h). The result is a function of task, trainer and engine alone.
absl::Status RunBacktest(const BacktestTask& task, const BacktestParts& parts,
                         const ForecastSink& sink);

}  // namespace auspex
