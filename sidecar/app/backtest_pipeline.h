// Runs a backtest with the daemon's own trainer and engine, and scores it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "model/spec/model_spec.h"
#include "sidecar/app/progress_line.h"
#include "sidecar/backtest/backtest.h"
#include "sidecar/backtest/backtest_set.h"
#include "sidecar/backtest/refit_plan.h"
#include "sidecar/backtest/report.h"
#include "sidecar/core/rule.h"

namespace auspex {

struct BacktestOptions {
  RefitPolicy refit;
  uint64_t seed = 1;
  int jobs = 1;  // threads
  std::string trainer_binary;
  std::string forecasts_path;  // where forecasts are written; empty for nowhere
  bool baselines = true;
  // 0 = no tuning, others take whatever time they need; unset: as the rule says, its time too.
  std::optional<int> tuning_trials;
  // Gets every forecast, one at a time, on any thread. May be empty.
  std::function<void(const BacktestForecast&)> on_forecast;
  bool calibrate = true;  // the intervals, as the daemon's ledger does
};

// Takes minutes. `spec` is for the native step of the set; `retrain` is what a rule says of
// fine-tuning. Errors: those of a trainer, of writing, of a set that cannot be put on a grid;
// FailedPrecondition when the set has no origin with history; Cancelled soon after `stopping`.
absl::StatusOr<BacktestReport> BacktestAndScore(const BacktestSet& set,
                                                const model::ModelSpec& spec,
                                                const RetrainConfig& retrain,
                                                const BacktestOptions& options,
                                                const StageProgress& progress,
                                                const std::atomic<bool>& stopping);

}  // namespace auspex
