#include "sidecar/app/predict_pipeline.h"

#include <prometheus/registry.h>

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sidecar/app/build_info.h"
#include "sidecar/base/clock.h"
#include "sidecar/base/thread_pool.h"
#include "sidecar/core/duration.h"
#include "sidecar/core/progress_board.h"
#include "sidecar/forecast/abstention.h"
#include "sidecar/forecast/forecaster.h"
#include "sidecar/forecast/rule_spec.h"
#include "sidecar/serve/api_service.h"
#include "sidecar/trainer/embedded_trainer.h"
#include "sidecar/trainer/retrain_policy.h"
#include "sidecar/trainer/training_loop.h"

namespace auspex {
namespace {

constexpr char kRuleName[] = "predict";

// Shows the progress of another trainer.
class ShownTrainer : public Trainer {
 public:
  ShownTrainer(Trainer& trainer, const StageProgress& show) : trainer_(trainer), show_(show) {}

  absl::StatusOr<TrainedModels> Train(const TrainingJob& job, const TrainingObserver& observer,
                                      const CancelCheck& cancelled) override {
    const auto observe = [&](const TrainingProgress& progress) {
      if (observer) observer(progress);
      show_(absl::StrCat("training: ", progress.stage), progress.fraction);
    };
    return trainer_.Train(job, observe, cancelled);
  }

 private:
  Trainer& trainer_;
  const StageProgress& show_;
};

// Members are declared in the order in which they are built: each only knows those above it.
class Pipeline {
 public:
  Pipeline(const PredictOptions& options, const StageProgress& progress,
           const std::atomic<bool>& stopping)
      : options_(options), progress_(progress), stopping_(stopping) {}

  absl::Status Open();
  // Reads the history of the query.
  absl::Status Fill();
  // Trains and publishes, or says why not. Not OK only when cancelled.
  absl::Status Train(std::string* note);
  absl::Status ForecastAll();
  absl::StatusOr<Prediction> Answer() const;

 private:
  // The rule book keeps it: its rules never change here.
  const ActiveRule& active() const { return source_.active(); }
  DurationMs LongestHistory() const;
  absl::Status CheckForecast(const RuleForecasts& result) const;

  const PredictOptions& options_;
  const StageProgress& progress_;
  const std::atomic<bool>& stopping_;
  const Logger logger_;  // silent: the note and the errors say what matters
  SystemClock clock_;
  prometheus::Registry metrics_;
  ProgressBoard board_;
  ForecastStore forecasts_;
  ScratchHistory source_;
  std::unique_ptr<ModelRegistry> registry_;
};

absl::Status Pipeline::Open() {
  const auto config = ConfigForQuery(options_, kRuleName);
  if (!config.ok()) return config.status();
  if (absl::Status status = source_.Open(*config); !status.ok()) return status;
  auto registry =
      ModelRegistry::Open({.directory = source_.directory().File("models")}, logger_, metrics_);
  if (!registry.ok()) return registry.status();
  registry_ = *std::move(registry);
  return absl::OkStatus();
}

absl::Status Pipeline::Fill() { return source_.Fill(options_.range_ms, progress_, stopping_); }

// From the oldest to the newest value of the series that has the longest history. Closed steps do
// not tell: those before the first value are closed too.
DurationMs Pipeline::LongestHistory() const {
  DurationMs longest_ms = 0;
  for (const auto& [aggregate, labels] : source_.history().Aggregates(active().values_id)) {
    const auto values = source_.history().Read(aggregate, source_.range());
    if (!values.ok()) continue;
    const auto is_value = [](double v) { return !IsMissing(v); };
    const auto first = std::find_if(values->begin(), values->end(), is_value);
    const auto last = std::find_if(values->rbegin(), values->rend(), is_value).base();
    if (first < last) {
      longest_ms = std::max(longest_ms, (last - first) * active().rule.values.step_ms);
    }
  }
  return longest_ms;
}

absl::Status Pipeline::Train(std::string* note) {
  const Rule& rule = active().rule;
  const DurationMs history_ms = LongestHistory();
  if (!options_.train) {
    *note = "not trained (--no-train)";
    return absl::OkStatus();
  }
  if (history_ms < TrainingHistoryMin(rule)) {
    *note = absl::StrCat("not trained: there are ", FormatDuration(history_ms),
                         " of history, and training for this horizon needs ",
                         FormatDuration(TrainingHistoryMin(rule)));
    return absl::OkStatus();
  }
  EmbeddedTrainerOptions embedded;
  embedded.process.binary = options_.trainer_binary;
  embedded.process.socket_path = source_.directory().File("trainer.sock");
  embedded.process.log_level = "error";
  EmbeddedTrainer trainer(embedded);
  ShownTrainer shown(trainer, progress_);
  board_.Set(rule.name, Phase::kCollecting, 1);
  TrainingLoop loop({.rules = [this] { return source_.rules().Current(); },
                     .spec =
                         [this](const ActiveRule& one) {
                           return SpecForRule(one.rule, TimeZone(), clock_.NowMs());
                         },
                     .history =
                         [&](const ActiveRule& one) {
                           TrainingHistory history = HistoryToTrainOn(source_.history(), one);
                           history.length_ms = history_ms;
                           return history;
                         },
                     .trainer = shown,
                     .registry = *registry_,
                     .progress = board_,
                     .clock = clock_,
                     .logger = logger_,
                     .metrics = metrics_,
                     .worker_resident_bytes = nullptr});
  loop.Run(stopping_);
  if (stopping_) return absl::CancelledError("interrupted");
  if (registry_->Current(rule.name) == nullptr) {
    *note = absl::StrCat("not trained: ", board_.Get(rule.name).last_error);
  }
  return absl::OkStatus();
}

absl::Status Pipeline::CheckForecast(const RuleForecasts& result) const {
  if (result.forecasts.empty()) {
    return absl::FailedPreconditionError(
        "every series of the query has ended: none has a recent value");
  }
  const bool some = std::any_of(result.forecasts.begin(), result.forecasts.end(),
                                [](const auto& forecast) { return !forecast.values.empty(); });
  if (some) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "too little history: a forecast needs at least ", kContextValuesMin, " values, ",
      FormatDuration(kContextValuesMin * active().rule.values.step_ms), " at this step"));
}

absl::Status Pipeline::ForecastAll() {
  progress_("forecasting", 0);
  ThreadPool pool({.name = "engine",
                   .threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()))});
  auto engine = model::CreateEngine(
      "auto",
      [&pool](size_t n, const std::function<void(size_t)>& body) { pool.ParallelFor(n, body); });
  if (!engine.ok()) return engine.status();
  Forecaster forecaster(source_.history(), *registry_, **engine, clock_, metrics_);
  auto result = forecaster.Run(active(), TimeZone(), source_.range().last_ms);
  if (!result.ok()) return result.status();
  if (absl::Status status = CheckForecast(*result->served); !status.ok()) return status;
  forecasts_.Publish(kRuleName, result->served);
  progress_("forecasting", 1);
  return absl::OkStatus();
}

absl::StatusOr<Prediction> Pipeline::Answer() const {
  const ApiService api({[this] { return source_.rules().Current(); }, [] { return std::string(); },
                        forecasts_, source_.history(), *registry_, board_, clock_,
                        CurrentBuildInfo(),
                        /*engine=*/""});
  Prediction prediction;
  if (absl::Status s = api.ListAggregates({}, &prediction.series); !s.ok()) return s;
  if (absl::Status s = api.GetForecast({}, &prediction.curves); !s.ok()) return s;
  return prediction;
}

}  // namespace

absl::StatusOr<Prediction> Predict(const PredictOptions& options, const StageProgress& progress,
                                   const std::atomic<bool>& stopping) {
  Pipeline pipeline(options, progress, stopping);
  std::string note;
  if (absl::Status status = pipeline.Open(); !status.ok()) return status;
  if (absl::Status status = pipeline.Fill(); !status.ok()) return status;
  if (absl::Status status = pipeline.Train(&note); !status.ok()) return status;
  if (absl::Status status = pipeline.ForecastAll(); !status.ok()) return status;
  auto prediction = pipeline.Answer();
  if (prediction.ok()) prediction->note = std::move(note);
  return prediction;
}

}  // namespace auspex
