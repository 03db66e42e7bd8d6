#include "sidecar/app/predict_pipeline.h"

#include <prometheus/registry.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "sidecar/app/build_info.h"
#include "sidecar/app/rule_book.h"
#include "sidecar/base/clock.h"
#include "sidecar/base/scratch_directory.h"
#include "sidecar/base/thread_pool.h"
#include "sidecar/config/config.h"
#include "sidecar/core/duration.h"
#include "sidecar/core/progress_board.h"
#include "sidecar/forecast/abstention.h"
#include "sidecar/forecast/forecaster.h"
#include "sidecar/forecast/rule_spec.h"
#include "sidecar/history/store.h"
#include "sidecar/serve/api_service.h"
#include "sidecar/trainer/embedded_trainer.h"
#include "sidecar/trainer/retrain_policy.h"
#include "sidecar/trainer/training_loop.h"
#include "sidecar/upstream/backfill.h"
#include "sidecar/upstream/query_puller.h"

namespace auspex {
namespace {

constexpr char kRuleName[] = "predict";
constexpr DurationMs kContextMax = 14 * kDay;  // what a model reads at most

// Leads that a person wants to see of a horizon: soon, a quarter, half, all of it.
std::vector<DurationMs> LeadsToShow(DurationMs horizon_ms, DurationMs step_ms) {
  std::vector<DurationMs> leads;
  for (const int part : {24, 4, 2, 1}) {
    const DurationMs lead_ms = std::max(step_ms, StepFloor(horizon_ms / part, step_ms));
    if (leads.empty() || leads.back() < lead_ms) leads.push_back(lead_ms);
  }
  return leads;
}

// A JSON string is a YAML string too.
std::string Quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// The options as the configuration of a daemon, which has the checks and the defaults.
absl::StatusOr<Config> ConfigFor(const PredictOptions& options) {
  if (options.step_ms <= 0) return absl::InvalidArgumentError("the step is not positive");
  const DurationMs context_ms = std::min(kContextMax, StepFloor(options.range_ms, options.step_ms));
  const auto format_lead = [](std::string* out, DurationMs lead_ms) {
    absl::StrAppend(out, FormatDuration(lead_ms));
  };
  const auto format_level = [](std::string* out, double level) {
    absl::StrAppendFormat(out, "%.17g", level);
  };
  std::string yaml = absl::StrCat(
      "upstream: {url: ", Quoted(options.url), "}\nrules:\n- name: ", kRuleName,
      "\n  query: ", Quoted(options.query), "\n  step: ", FormatDuration(options.step_ms),
      "\n  interval: ", FormatDuration(options.step_ms),
      "\n  horizon: ", FormatDuration(options.horizon_ms), "\n  leads: [",
      absl::StrJoin(LeadsToShow(options.horizon_ms, options.step_ms), ", ", format_lead),
      "]\n  retention: ", FormatDuration(options.range_ms),
      "\n  model: {context: ", FormatDuration(context_ms), ", quantiles: [",
      absl::StrJoin(options.quantiles, ", ", format_level), "]}\n");
  if (options.limit) absl::StrAppendFormat(&yaml, "  limit: %.17g\n", *options.limit);
  return ParseConfig(yaml, "flags");
}

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
  const ActiveRule& active() const { return rules_->Current()->rules.front(); }
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
  ScratchDirectory scratch_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<History> history_;
  std::unique_ptr<ModelRegistry> registry_;
  std::unique_ptr<RuleBook> rules_;
  StepRange range_;
};

absl::Status Pipeline::Open() {
  auto config = ConfigFor(options_);
  if (!config.ok()) return config.status();
  if (absl::Status status = scratch_.Create(); !status.ok()) return status;
  auto store = Store::Open({.path = scratch_.File("history")}, logger_);
  if (!store.ok()) return store.status();
  store_ = *std::move(store);
  auto history = History::Open(*store_, HistoryOptions(), logger_, metrics_);
  if (!history.ok()) return history.status();
  history_ = *std::move(history);
  auto registry = ModelRegistry::Open({.directory = scratch_.File("models")}, logger_, metrics_);
  if (!registry.ok()) return registry.status();
  registry_ = *std::move(registry);
  rules_ = std::make_unique<RuleBook>(*history_);
  return rules_->Apply(*config);
}

absl::Status Pipeline::Fill() {
  const Rule& rule = active().rule;
  const DurationMs step_ms = rule.values.step_ms;
  const TimestampMs last_ms = clock_.NowMs() - QueryPullerOptions().delay_ms;
  range_ = {StepCeil(last_ms - options_.range_ms, step_ms), StepFloor(last_ms, step_ms)};
  PrometheusApi api({.url = options_.url}, metrics_);
  Backfill backfill(BackfillOptions(), api, *history_, logger_, metrics_);
  BackfillJob job;
  job.rule = active().values_id;
  job.aggregation = rule.values;
  job.query = rule.query;
  job.range = range_;
  job.aggregates_max = rule.aggregates_max;
  progress_("reading history", 0);
  absl::Status status = backfill.Fill(job, stopping_, [&](const BackfillProgress& progress) {
    progress_("reading history", progress.fraction);
  });
  if (!status.ok()) return status;
  if (!history_->Aggregates(job.rule).empty()) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("the query has no data in the last ",
                                          FormatDuration(options_.range_ms), " at ", api.url()));
}

// From the oldest to the newest value of the series that has the longest history. Closed steps do
// not tell: those before the first value are closed too.
DurationMs Pipeline::LongestHistory() const {
  DurationMs longest_ms = 0;
  for (const auto& [aggregate, labels] : history_->Aggregates(active().values_id)) {
    const auto values = history_->Read(aggregate, range_);
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
  embedded.process.socket_path = scratch_.File("trainer.sock");
  embedded.process.log_level = "error";
  EmbeddedTrainer trainer(embedded);
  ShownTrainer shown(trainer, progress_);
  board_.Set(rule.name, Phase::kCollecting, 1);
  TrainingLoop loop({.rules = [this] { return rules_->Current(); },
                     .spec =
                         [this](const ActiveRule& one) {
                           return SpecForRule(one.rule, TimeZone(), clock_.NowMs());
                         },
                     .history =
                         [&](const ActiveRule& one) {
                           TrainingHistory history = HistoryToTrainOn(*history_, one);
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
  Forecaster forecaster(*history_, *registry_, **engine, clock_, metrics_);
  auto result = forecaster.Run(active(), TimeZone(), range_.last_ms);
  if (!result.ok()) return result.status();
  if (absl::Status status = CheckForecast(**result); !status.ok()) return status;
  forecasts_.Publish(kRuleName, *std::move(result));
  progress_("forecasting", 1);
  return absl::OkStatus();
}

absl::StatusOr<Prediction> Pipeline::Answer() const {
  const ApiService api({[this] { return rules_->Current(); }, [] { return std::string(); },
                        forecasts_, *history_, *registry_, board_, clock_, CurrentBuildInfo(),
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
