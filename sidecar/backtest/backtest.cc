#include "sidecar/backtest/backtest.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <span>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sidecar/backtest/causal_calibration.h"
#include "sidecar/core/calibration.h"
#include "sidecar/forecast/abstention.h"
#include "sidecar/forecast/prepared_models.h"
#include "sidecar/registry/model_version.h"
#include "sidecar/trainer/training_history.h"

namespace auspex {
namespace {

constexpr char kRuleName[] = "backtest";
constexpr size_t kBatch = 256;          // forecasts per engine call: bounds memory
constexpr double kTrainingShare = 0.9;  // of a refit's work, about

AggregateId AggregateOf(size_t series) { return AggregateId{static_cast<uint32_t>(series) + 1}; }

// Of two numbers a third that looks random (Steele, Lea and Flood 2014, SplitMix).
uint64_t MixSeed(uint64_t seed, size_t refit) {
  uint64_t z = seed + 0x9e3779b97f4a7c15ULL * (refit + 1);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

// How many values of a series are at or before `t`: what may be known then.
size_t KnownAt(const BacktestSeries& series, TimestampMs t, DurationMs step_ms) {
  if (t < series.first_ms) return 0;
  return std::min(series.values.size(), static_cast<size_t>((t - series.first_ms) / step_ms) + 1);
}

bool HasValue(std::span<const float> values) {
  return std::any_of(values.begin(), values.end(), [](float v) { return !IsMissing(v); });
}

// Its values, and each of its covariates.
size_t RowsOf(const BacktestSeries& series) {
  return 1 + (series.values.empty() ? 0 : series.covariates.size() / series.values.size());
}
std::span<const float> RowOf(const BacktestSeries& series, size_t row) {
  if (row == 0) return series.values;
  const size_t length = series.values.size();
  return std::span(series.covariates).subspan((row - 1) * length, length);
}

// The steps of a row up to an origin, newest last, into all of `context`.
void FillContext(const BacktestSeries& series, size_t row, TimestampMs origin_ms,
                 DurationMs step_ms, std::span<float> context) {
  std::fill(context.begin(), context.end(), std::numeric_limits<float>::quiet_NaN());
  const size_t known = KnownAt(series, origin_ms, step_ms);
  if (known == 0) return;
  const TimestampMs newest_ms = series.first_ms + static_cast<DurationMs>(known - 1) * step_ms;
  const auto silent = static_cast<size_t>((origin_ms - newest_ms) / step_ms);
  if (silent >= context.size()) return;
  const size_t count = std::min(known, context.size() - silent);
  std::copy_n(RowOf(series, row).begin() + static_cast<ptrdiff_t>(known - count), count,
              context.end() - static_cast<ptrdiff_t>(silent + count));
}

class Backtest {
 public:
  Backtest(const BacktestTask& task, const BacktestParts& parts, const ForecastSink& sink)
      : task_(task),
        parts_(parts),
        spec_(task.spec),
        plan_(PlanRefits(task.series, task.refit, task.spec.step_ms,
                         task.spec.horizon_steps * task.spec.step_ms)),
        sink_(sink) {
    spec_.quantiles = {0.1, 0.5, 0.9};
  }

  absl::Status Run();

 private:
  bool Cancelled() const { return parts_.cancelled && parts_.cancelled(); }
  // Of the refit at `index`, whose share `fraction` is done.
  void ShowProgress(size_t index, double fraction);
  absl::Status RunRefit(size_t index);
  // Calibrates everything, then gives it to the sink.
  absl::Status HandOut();
  // Null when the untrained network answers.
  absl::StatusOr<std::shared_ptr<const ModelVersion>> Train(size_t index);
  TrainingJob JobFor(size_t index) const;
  absl::StatusOr<std::shared_ptr<const ModelVersion>> Load(size_t index,
                                                           const TrainedModels& models);
  absl::Status ForecastBatch(PreparedVersion& prepared, std::span<const PlannedForecast> planned,
                             std::vector<BacktestForecast>* forecasts) const;
  BacktestForecast Answer(const PlannedForecast& planned, std::span<const float> output) const;

  const BacktestTask& task_;
  const BacktestParts& parts_;
  model::ModelSpec spec_;
  const std::vector<Refit> plan_;
  double progress_ = 0;
  EvidenceByAggregate evidence_;  // of the latest training
  std::vector<BacktestForecast> forecasts_;
  const ForecastSink& sink_;
};

absl::Status Backtest::Run() {
  if (absl::Status status = spec_.Validate(); !status.ok()) return status;
  for (const BacktestSeries& series : task_.series) {
    if (series.covariates.size() != spec_.covariates.size() * series.values.size()) {
      return absl::InvalidArgumentError("a series has not the covariates of the spec");
    }
  }
  for (size_t i = 0; i < plan_.size(); ++i) {
    if (absl::Status status = RunRefit(i); !status.ok()) return status;
  }
  return HandOut();
}

void Backtest::ShowProgress(size_t index, double fraction) {
  const double done =
      (static_cast<double>(index) + std::min(fraction, 1.0)) / static_cast<double>(plan_.size());
  // What a trainer says may go back a little; what is shown does not.
  progress_ = std::max(progress_, done);
  if (parts_.progress) parts_.progress(progress_);
}

absl::Status Backtest::HandOut() {
  if (task_.calibrate) CalibrateCausally(task_, &forecasts_);
  for (const BacktestForecast& forecast : forecasts_) {
    if (absl::Status status = sink_(forecast); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Backtest::RunRefit(size_t index) {
  const auto version = Train(index);
  if (!version.ok()) return version.status();
  ShowProgress(index, kTrainingShare);
  PreparedVersion prepared(parts_.engine, spec_, *version);
  const std::span<const PlannedForecast> planned(plan_[index].forecasts);
  const auto begin = static_cast<ptrdiff_t>(forecasts_.size());
  for (size_t i = 0; i < planned.size(); i += kBatch) {
    if (Cancelled()) return absl::CancelledError("interrupted");
    const auto batch = planned.subspan(i, std::min(kBatch, planned.size() - i));
    if (absl::Status status = ForecastBatch(prepared, batch, &forecasts_); !status.ok()) {
      return status;
    }
  }
  std::stable_partition(forecasts_.begin() + begin, forecasts_.end(),
                        [](const BacktestForecast& forecast) { return !forecast.extra; });
  ShowProgress(index, 1);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const ModelVersion>> Backtest::Train(size_t index) {
  if (!plan_[index].trains) return nullptr;
  const auto observe = [&](const TrainingProgress& progress) {
    ShowProgress(index, kTrainingShare * progress.fraction);
  };
  auto models = parts_.trainer.Train(JobFor(index), observe, [this] { return Cancelled(); });
  if (absl::IsFailedPrecondition(models.status())) return nullptr;
  if (!models.ok()) return models.status();
  models->trained_at_ms = plan_[index].fit_ms;
  auto version = Load(index, *models);
  if (!version.ok()) return version.status();
  auto evidence = (*version)->ReadEvidence();
  if (!evidence.ok()) return evidence.status();
  evidence_ = *std::move(evidence);
  return version;
}

TrainingJob Backtest::JobFor(size_t index) const {
  const TimestampMs fit_ms = plan_[index].fit_ms;
  const auto known = [this, fit_ms](size_t i, size_t row) {
    const BacktestSeries& series = task_.series[i];
    return RowOf(series, row).first(KnownAt(series, fit_ms, spec_.step_ms));
  };
  TrainingJob job;
  job.rule = kRuleName;
  job.spec = spec_;
  job.seed = MixSeed(task_.seed, index);
  job.per_aggregate = task_.per_aggregate;
  job.own_steps_min = static_cast<int>(task_.own_history_min / spec_.step_ms);
  job.tuning_trials = task_.tuning_trials;
  job.tuning_cpu_seconds_max = task_.tuning_cpu_seconds_max;
  job.evidence = evidence_;
  for (size_t i = 0; i < task_.series.size(); ++i) {
    if (HasValue(known(i, 0))) job.aggregates.push_back(AggregateOf(i));
  }
  job.read = [this, known](AggregateId aggregate) -> absl::StatusOr<TrainingSeries> {
    const size_t i = static_cast<size_t>(aggregate) - 1;
    const std::span<const float> values = known(i, 0);
    const size_t count = std::min(values.size(), static_cast<size_t>(kTrainingStepsMax));
    const auto skipped = static_cast<DurationMs>(values.size() - count);
    TrainingSeries series{.first_ms = task_.series[i].first_ms + skipped * spec_.step_ms};
    for (size_t row = 0; row < RowsOf(task_.series[i]); ++row) {
      const std::span<const float> newest = known(i, row).last(count);
      std::vector<float>& to = row == 0 ? series.values : series.covariates;
      to.insert(to.end(), newest.begin(), newest.end());
    }
    return series;
  };
  return job;
}

// By way of the registry's file, as the daemon gets them.
absl::StatusOr<std::shared_ptr<const ModelVersion>> Backtest::Load(size_t index,
                                                                   const TrainedModels& models) {
  const std::string path = absl::StrCat(parts_.directory, "/refit-", index, ".safetensors");
  if (absl::Status s = WriteModelVersion(path, kRuleName, models); !s.ok()) return s;
  auto version = ModelVersion::Load(path, index + 1);
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  return version;
}

absl::Status Backtest::ForecastBatch(PreparedVersion& prepared,
                                     std::span<const PlannedForecast> planned,
                                     std::vector<BacktestForecast>* forecasts) const {
  const auto context_steps = static_cast<size_t>(spec_.context_steps);
  const size_t outputs = static_cast<size_t>(spec_.horizon_steps) * spec_.quantiles.size();
  const size_t rows = 1 + spec_.covariates.size();
  std::vector<float> contexts(planned.size() * rows * context_steps);
  std::vector<float> values(planned.size() * outputs);
  std::vector<model::ForecastItem> items(planned.size());
  for (size_t i = 0; i < planned.size(); ++i) {
    const auto of_item =
        std::span(contexts).subspan(i * rows * context_steps, rows * context_steps);
    for (size_t row = 0; row < rows; ++row) {
      FillContext(task_.series[planned[i].series], row, planned[i].origin_ms, spec_.step_ms,
                  of_item.subspan(row * context_steps, context_steps));
    }
    const auto context = of_item.first(context_steps);
    const auto serving = prepared.Serving(AggregateOf(planned[i].series), context);
    if (!serving.ok()) return serving.status();
    items[i] = {serving->model, context, planned[i].origin_ms, serving->blend,
                of_item.subspan(context_steps)};
  }
  if (absl::Status s = parts_.engine.Forecast(spec_, items, values); !s.ok()) return s;
  for (size_t i = 0; i < planned.size(); ++i) {
    const auto output = std::span(values).subspan(i * outputs, outputs);
    const ContextState context = InspectContext(items[i].context);
    CalibrateTargets(prepared.interval_factor(), static_cast<size_t>(spec_.median_index()),
                     {context.last_value, context.never_negative}, spec_.quantiles.size(), output);
    forecasts->push_back(Answer(planned[i], output));
  }
  return absl::OkStatus();
}

BacktestForecast Backtest::Answer(const PlannedForecast& planned,
                                  std::span<const float> output) const {
  BacktestForecast forecast{
      .series = planned.series, .origin_ms = planned.origin_ms, .extra = planned.extra};
  const auto stride = static_cast<size_t>(std::max(1, task_.score_steps));
  for (size_t k = stride; k * 3 <= output.size(); k += stride) {
    const size_t row = (k - 1) * 3;
    forecast.low.push_back(output[row]);
    forecast.median.push_back(output[row + 1]);
    forecast.high.push_back(output[row + 2]);
  }
  return forecast;
}

}  // namespace

absl::Status RunBacktest(const BacktestTask& task, const BacktestParts& parts,
                         const ForecastSink& sink) {
  return Backtest(task, parts, sink).Run();
}

}  // namespace auspex
