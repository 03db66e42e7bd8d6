#include "sidecar/app/backtest_pipeline.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "model/engine/engine.h"
#include "sidecar/backtest/backtest.h"
#include "sidecar/backtest/backtest_scores.h"
#include "sidecar/base/scratch_directory.h"
#include "sidecar/base/thread_pool.h"
#include "sidecar/trainer/embedded_trainer.h"

namespace auspex {
namespace {

// Nobody waits for this trainer's forecasts, so it may take its time.
EmbeddedTrainerOptions TrainerOptions(const BacktestOptions& options,
                                      const ScratchDirectory& scratch) {
  EmbeddedTrainerOptions embedded;
  embedded.process.binary = options.trainer_binary;
  embedded.process.socket_path = scratch.File("trainer.sock");
  embedded.process.threads = options.jobs;
  embedded.process.nice = 0;  // as this command: there is nothing to go first
  embedded.process.log_level = "error";
  embedded.limits = {.silence_max_ms = 10 * kMinute, .run_max_ms = kDay};
  return embedded;
}

// Writes forecasts to a file, those from alert origins no farther than alerts look.
class ForecastFile {
 public:
  ForecastFile(const BacktestSet& set, ForecastCsvWriter writer)
      : set_(set), writer_(std::move(writer)) {}

  absl::Status Write(const BacktestForecast& forecast) {
    const CsvSeries& series = set_.observed[forecast.series];
    const DurationMs step_ms = set_.manifest.score_step_ms;
    size_t targets = forecast.median.size();
    if (forecast.extra) {
      targets = std::min(targets, static_cast<size_t>(set_.manifest.alert_horizon_ms / step_ms));
    }
    return writer_.Write({.metric = series.metric,
                          .labels = series.labels,
                          .origin_ms = forecast.origin_ms,
                          .step_ms = step_ms,
                          .low = std::span(forecast.low).first(targets),
                          .median = std::span(forecast.median).first(targets),
                          .high = std::span(forecast.high).first(targets)});
  }
  absl::Status Close() { return writer_.Close(); }

 private:
  const BacktestSet& set_;
  ForecastCsvWriter writer_;
};

absl::StatusOr<std::optional<ForecastFile>> OpenFile(const BacktestSet& set,
                                                     const std::string& path) {
  if (path.empty()) return std::nullopt;
  auto writer = ForecastCsvWriter::Open(path);
  if (!writer.ok()) return writer.status();
  return ForecastFile(set, *std::move(writer));
}

}  // namespace

absl::StatusOr<BacktestReport> BacktestAndScore(const BacktestSet& set,
                                                const model::ModelSpec& spec,
                                                const RetrainConfig& retrain,
                                                const BacktestOptions& options,
                                                const StageProgress& progress,
                                                const std::atomic<bool>& stopping) {
  auto series = SeriesOf(set);
  if (!series.ok()) return series.status();
  const TuneConfig tune = options.tuning_trials
                              ? TuneConfig{.trials = *options.tuning_trials, .time_ms = 0}
                              : retrain.tune.value_or(TuneConfig{.trials = 0, .time_ms = 0});
  const BacktestTask task{
      .spec = spec,
      .score_steps = static_cast<int>(set.manifest.score_step_ms / set.manifest.step_ms),
      .series = *std::move(series),
      .refit = options.refit,
      .seed = options.seed,
      .per_aggregate = retrain.per_aggregate,
      .own_history_min = retrain.min_history_ms,
      .tuning_trials = tune.trials,
      .tuning_cpu_seconds_max = static_cast<double>(tune.time_ms) / static_cast<double>(kSecond),
      .calibrate = options.calibrate};
  ScratchDirectory scratch;
  if (absl::Status s = scratch.Create(); !s.ok()) return s;
  auto file = OpenFile(set, options.forecasts_path);
  if (!file.ok()) return file.status();
  ThreadPool pool({.name = "engine", .threads = options.jobs});
  const model::ParallelFor parallel_for =
      [&pool](size_t n, const std::function<void(size_t)>& body) { pool.ParallelFor(n, body); };
  auto engine = model::CreateEngine("auto", parallel_for);
  if (!engine.ok()) return engine.status();

  EmbeddedTrainer trainer(TrainerOptions(options, scratch));
  BacktestScores scores(set);
  const BacktestParts parts{
      .trainer = trainer,
      .engine = **engine,
      .directory = scratch.File(""),
      .progress = [&](double fraction) { progress("training and forecasting", fraction); },
      .cancelled = [&stopping] { return stopping.load(); }};
  const ForecastSink sink = [&](const BacktestForecast& forecast) {
    scores.Add(forecast);
    if (options.on_forecast) options.on_forecast(forecast);
    return *file ? (*file)->Write(forecast) : absl::OkStatus();
  };
  if (absl::Status s = RunBacktest(task, parts, sink); !s.ok()) return s;
  if (*file) {
    if (absl::Status s = (*file)->Close(); !s.ok()) return s;
  }
  progress("scoring", 1);
  BacktestReport report = scores.Report(options.baselines, parallel_for);
  report.seed = options.seed;
  return report;
}

}  // namespace auspex
