#include "sidecar/app/daemon.h"

#include <prometheus/registry.h>

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "sidecar/aggregate/aggregator.h"
#include "sidecar/app/build_info.h"
#include "sidecar/app/emit_loop.h"
#include "sidecar/app/forecast_loop.h"
#include "sidecar/app/rule_book.h"
#include "sidecar/app/self_metrics.h"
#include "sidecar/app/step_writer.h"
#include "sidecar/app/trainer_binary.h"
#include "sidecar/app/upstream_loop.h"
#include "sidecar/app/upstream_settings.h"
#include "sidecar/app/web.h"
#include "sidecar/base/clock.h"
#include "sidecar/base/periodic.h"
#include "sidecar/base/process_memory.h"
#include "sidecar/base/thread_pool.h"
#include "sidecar/config/authorization.h"
#include "sidecar/config/config.h"
#include "sidecar/forecast/engine_metrics.h"
#include "sidecar/forecast/forecaster.h"
#include "sidecar/forecast/rule_spec.h"
#include "sidecar/history/history.h"
#include "sidecar/history/issued_log.h"
#include "sidecar/history/pending_log.h"
#include "sidecar/history/state_store.h"
#include "sidecar/ingest/write_handler.h"
#include "sidecar/ledger/ledger.h"
#include "sidecar/net/http_server.h"
#include "sidecar/registry/model_registry.h"
#include "sidecar/serve/api_http.h"
#include "sidecar/serve/curve_reader.h"
#include "sidecar/serve/grpc_server.h"
#include "sidecar/serve/read_handler.h"
#include "sidecar/trainer/embedded_trainer.h"
#include "sidecar/trainer/trainer_client.h"
#include "sidecar/trainer/training_loop.h"

namespace auspex {
namespace {

constexpr DurationMs kForecastEvery = kSecond;       // looks for due steps
constexpr DurationMs kUpstreamEvery = 5 * kSecond;   // looks for gaps
constexpr DurationMs kTrainEvery = 5 * kSecond;      // looks for rules to train
constexpr DurationMs kMaintainEvery = 30 * kSecond;  // seals blocks, refreshes metrics
constexpr DurationMs kFlushAtStop = 5 * kSecond;

absl::StatusOr<SendQueueOptions> SenderFrom(const RemoteWriteConfig& config) {
  SendQueueOptions options;
  options.name = config.name;
  options.endpoint.url = config.url;
  options.endpoint.protocol =
      config.message == RemoteWriteMessage::kV2 ? WriteProtocol::kV2 : WriteProtocol::kV1;
  auto headers = AuthorizationHeaders(config.auth);
  if (!headers.ok()) return headers.status();
  options.endpoint.headers = *std::move(headers);
  options.capacity = config.queue.capacity;
  options.shards = config.queue.max_shards;
  options.max_samples_per_send = config.queue.max_samples_per_send;
  options.batch_deadline_ms = config.queue.batch_send_deadline_ms;
  options.min_backoff_ms = config.queue.min_backoff_ms;
  options.max_backoff_ms = config.queue.max_backoff_ms;
  options.sample_age_limit_ms = config.queue.sample_age_limit_ms;
  return options;
}

std::vector<AggregatorRule> AggregatorRules(const Config& config) {
  std::vector<AggregatorRule> rules;
  for (const Rule& rule : config.rules) {
    for (AggregationRule& aggregation : rule.Aggregations()) {
      rules.push_back({std::move(aggregation), rule.aggregates_max});
    }
  }
  return rules;
}

}  // namespace

// Members are declared in the order in which they are built: each only knows those above it.
class Daemon::Impl {
 public:
  Impl(DaemonOptions daemon_options, Logger log)
      : options(std::move(daemon_options)),
        logger(std::move(log)),
        self_metrics(metrics, CurrentBuildInfo()),
        engine_metrics(metrics, clock, logger.For("engine")) {}
  ~Impl() { Stop(); }

  absl::Status Start();
  absl::Status Reload();
  void Stop();

  const DaemonOptions options;
  const Logger logger;
  SystemClock clock;
  prometheus::Registry metrics;
  SelfMetrics self_metrics;
  EngineMetrics engine_metrics;
  std::unique_ptr<HttpServer> http;

  std::unique_ptr<Store> store;
  std::unique_ptr<History> history;
  std::unique_ptr<PendingLog> pending;
  std::unique_ptr<IssuedLog> issued;
  std::unique_ptr<IssuedLog> shadow;
  std::unique_ptr<StateStore> state;
  std::unique_ptr<ModelRegistry> registry;
  std::unique_ptr<ThreadPool> pool;
  std::unique_ptr<model::Engine> engine;
  ProgressBoard progress;
  ForecastStore forecasts;
  std::unique_ptr<RuleBook> rules;
  std::unique_ptr<StepWriter> steps;
  std::unique_ptr<Aggregator> aggregator;
  std::unique_ptr<Forecaster> forecaster;
  std::unique_ptr<Ledger> ledger;
  std::unique_ptr<Trainer> trainer;

  std::unique_ptr<EmitLoop> emit_loop;
  std::unique_ptr<ForecastLoop> forecast_loop;
  std::unique_ptr<UpstreamLoop> upstream_loop;
  std::unique_ptr<TrainingLoop> training_loop;

  std::unique_ptr<WriteHandler> write_handler;
  std::unique_ptr<CurveReader> curve_reader;
  std::unique_ptr<ReadHandler> read_handler;
  std::unique_ptr<ApiService> api;
  std::unique_ptr<GrpcServer> grpc;
  std::vector<std::unique_ptr<Periodic>> actors;
  Periodic* emit_actor = nullptr;

  absl::Mutex mu;  // one reload at a time
  std::vector<std::shared_ptr<SendQueue>> senders ABSL_GUARDED_BY(mu);
  Config config ABSL_GUARDED_BY(mu);

 private:
  absl::Status Listen();
  absl::Status OpenStores() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  absl::Status BuildStages() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  void BuildTrainer();
  void BuildLoops();
  absl::Status Apply(const Config& next) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  absl::Status Recover() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  void BuildHandlers();
  HttpRouter Routes();
  absl::Status Serve();
  void StartActors();
  void Maintain();
  bool Ready() const;
};

absl::Status Daemon::Impl::Start() {
  auto loaded = LoadConfig(options.config_file);
  if (!loaded.ok()) return loaded.status();
  for (const std::string& warning : loaded->warnings) {
    logger.Warn("configuration", {{"warning", warning}});
  }
  if (absl::Status status = Listen(); !status.ok()) return status;
  {
    absl::MutexLock lock(&mu);
    config = *loaded;
    if (absl::Status status = OpenStores(); !status.ok()) return status;
    if (absl::Status status = BuildStages(); !status.ok()) return status;
    if (absl::Status status = Apply(*loaded); !status.ok()) return status;
    if (absl::Status status = Recover(); !status.ok()) return status;
  }
  self_metrics.Reloaded(true, clock.NowMs());
  if (absl::Status status = Serve(); !status.ok()) return status;
  StartActors();
  logger.Info("serving", {{"http_port", http->port()},
                          {"version", CurrentBuildInfo().version},
                          {"engine", std::string(engine->name())}});
  return absl::OkStatus();
}

// First of all: an address that is taken is found before anything is touched, and whoever watches
// sees that the process is well however long the stores take.
absl::Status Daemon::Impl::Listen() {
  HttpServerOptions http_options;
  http_options.listen_address = options.web_listen_address;
  http = std::make_unique<HttpServer>(http_options, logger, metrics);
  http->SetRoutes(StartingRoutes(metrics));
  return http->Start();
}

absl::Status Daemon::Impl::OpenStores() {
  StoreOptions store_options;
  store_options.path = options.storage_path + "/history";
  auto opened = Store::Open(store_options, logger);
  if (!opened.ok()) return opened.status();
  store = *std::move(opened);
  auto opened_history = History::Open(*store, HistoryOptions(), logger, metrics);
  if (!opened_history.ok()) return opened_history.status();
  history = *std::move(opened_history);
  pending = std::make_unique<PendingLog>(*store);
  issued = std::make_unique<IssuedLog>(*store);
  shadow = std::make_unique<IssuedLog>(*store, Store::Family::kShadow);
  state = std::make_unique<StateStore>(*store);
  RegistryOptions registry_options;
  registry_options.directory = options.storage_path + "/models";
  auto opened_registry = ModelRegistry::Open(registry_options, logger, metrics);
  if (!opened_registry.ok()) return opened_registry.status();
  registry = *std::move(opened_registry);
  return absl::OkStatus();
}

absl::Status Daemon::Impl::BuildStages() {
  ThreadPoolOptions pool_options;
  pool_options.name = "engine";
  pool_options.threads = options.engine_threads > 0
                             ? options.engine_threads
                             : static_cast<int>(std::thread::hardware_concurrency());
  pool = std::make_unique<ThreadPool>(pool_options);
  const auto weights = model::ParseLstmWeights(options.engine_weights);
  if (!weights.ok()) return weights.status();
  auto created = model::CreateEngine(
      options.engine,
      [this](size_t n, const std::function<void(size_t)>& body) { pool->ParallelFor(n, body); },
      [this](const model::EngineFallback& what) { engine_metrics.Fallback(what); },
      {.lstm_weights = *weights});
  if (!created.ok()) return created.status();
  engine = *std::move(created);

  rules = std::make_unique<RuleBook>(*history);
  steps = std::make_unique<StepWriter>(*rules, *history);
  AggregatorOptions aggregator_options;
  aggregator_options.progress.lateness.out_of_order_window_ms =
      config.global.out_of_order_window_ms;
  aggregator = std::make_unique<Aggregator>(
      aggregator_options, clock,
      [this](std::string_view record, TimestampMs newest_ms) {
        return pending->Append(record, newest_ms);
      },
      logger, metrics);
  forecaster = std::make_unique<Forecaster>(*history, *registry, *engine, clock, metrics);
  ledger = std::make_unique<Ledger>(
      LedgerParts{*history, *issued, *shadow, *state, clock, logger.For("ledger"), metrics});
  BuildTrainer();
  BuildLoops();
  return absl::OkStatus();
}

void Daemon::Impl::BuildTrainer() {
  if (!options.trainer_address.empty()) {
    TrainerClientOptions client;
    client.address = options.trainer_address;
    trainer = std::make_unique<TrainerClient>(client);
    return;
  }
  EmbeddedTrainerOptions embedded;
  embedded.process.binary =
      options.trainer_binary.empty() ? DefaultTrainerBinary() : options.trainer_binary;
  embedded.process.socket_path = options.storage_path + "/trainer.sock";
  embedded.process.memory_bytes_max =
      static_cast<size_t>(options.trainer_memory_max_gb * (size_t{1} << 30));
  trainer = std::make_unique<EmbeddedTrainer>(embedded);
}

void Daemon::Impl::BuildLoops() {
  emit_loop = std::make_unique<EmitLoop>(*rules, forecasts, *state, clock, logger);
  forecast_loop = std::make_unique<ForecastLoop>(ForecastLoopParts{
      *rules, *aggregator, *steps, *pending, *history, *registry, *forecaster, forecasts, *issued,
      *ledger, progress, clock, logger.For("forecast"), [this] { emit_actor->Wake(); }});
  upstream_loop = std::make_unique<UpstreamLoop>(UpstreamLoopParts{
      *rules, *aggregator, *history, progress, clock, logger.For("upstream"), metrics});
  auto* embedded = dynamic_cast<EmbeddedTrainer*>(trainer.get());
  TrainingLoopParts training = {
      [this] { return rules->Current(); },
      [this](const ActiveRule& active) {
        return SpecForRule(active.rule, rules->Current()->timezone, clock.NowMs());
      },
      [this](const ActiveRule& active) { return HistoryToTrainOn(*history, active); },
      *trainer,
      *registry,
      progress,
      clock,
      logger,
      metrics,
      nullptr};
  training.drifted_at = [this](const ActiveRule& active) { return ledger->DriftedAt(active); };
  if (embedded == nullptr) {
    training.jobs = options.trainer_jobs;
  } else {
    training.worker_resident_bytes = [embedded] { return embedded->resident_bytes_peak(); };
  }
  training_loop = std::make_unique<TrainingLoop>(std::move(training));
}

absl::Status Daemon::Impl::Apply(const Config& next) {
  // What can fail comes first, so that a bad configuration changes nothing.
  auto upstream = UpstreamFrom(next);
  if (!upstream.ok()) return upstream.status();
  std::vector<std::shared_ptr<SendQueue>> next_senders;
  for (const RemoteWriteConfig& remote_write : next.remote_write) {
    auto sender = SenderFrom(remote_write);
    if (!sender.ok()) return sender.status();
    next_senders.push_back(std::make_shared<SendQueue>(*std::move(sender), clock, logger, metrics));
  }
  if (absl::Status status = rules->Apply(next); !status.ok()) return status;

  // With half a history of what is new, neither a training nor a forecast is worth anything.
  for (const Rule& rule : next.rules) {
    const bool known = std::any_of(
        config.rules.begin(), config.rules.end(),
        [&rule](const Rule& old) { return old.name == rule.name && rule.ReadsAs(old); });
    if (!known) progress.Set(rule.name, Phase::kFilling, 0);
  }
  aggregator->SetRules(AggregatorRules(next));
  upstream_loop->SetUpstream(*std::move(upstream));
  std::vector<std::string> names;
  for (const Rule& rule : next.rules) names.push_back(rule.name);
  forecasts.Retain(names);
  ledger->Retain(*rules->Current());
  for (const auto& sender : next_senders) sender->Start();
  emit_loop->SetSenders(next_senders);
  senders.swap(next_senders);
  for (const auto& sender : next_senders) sender->Stop(kFlushAtStop);
  config = next;
  return registry->Retain(names);
}

// What was acknowledged before a crash and not yet closed.
absl::Status Daemon::Impl::Recover() {
  absl::Status status =
      pending->Replay([this](std::string_view record) { return aggregator->Replay(record); });
  if (!status.ok()) return status;
  for (const AggregatorRule& rule : AggregatorRules(config)) {
    const auto id = rules->IdOf(rule.rule.name);
    if (!id.ok()) return id.status();
    const TimestampMs last_ms = history->LastStep(*id);
    if (last_ms != 0) aggregator->Resume(rule.rule.name, last_ms);
  }
  if (pending->rows() > 0) {
    logger.Info("samples of open steps recovered", {{"records", pending->rows()}});
  }
  return absl::OkStatus();
}

void Daemon::Impl::BuildHandlers() {
  WriteHandlerOptions write_options;
  write_options.series.is_own_output = [this](std::string_view name) {
    return rules->IsOutput(name);
  };
  write_handler =
      std::make_unique<WriteHandler>(*aggregator, write_options, clock, logger, metrics);
  curve_reader =
      std::make_unique<CurveReader>([this] { return rules->Current(); }, forecasts, *issued);
  read_handler = std::make_unique<ReadHandler>(
      *curve_reader, [this] { return upstream_loop->ExternalLabels(); }, logger, metrics);
  api = std::make_unique<ApiService>(ApiSources{[this] { return rules->Current(); },
                                                [this] {
                                                  absl::MutexLock lock(&mu);
                                                  return ConfigToYaml(config);
                                                },
                                                forecasts, *history, *registry, progress, clock,
                                                CurrentBuildInfo(), std::string(engine->name()),
                                                ledger.get()});
}

HttpRouter Daemon::Impl::Routes() {
  HttpRouter routes;
  routes.Add("POST", "/api/v1/write",
             [this](const HttpRequest& request) { return write_handler->Handle(request); });
  routes.Add("POST", "/api/v1/read",
             [this](const HttpRequest& request) { return read_handler->Handle(request); });
  RegisterApi(*api, routes);
  WebSources web = {[this] { return Ready(); }, nullptr, [this] { return emit_loop->Exposition(); },
                    metrics};
  if (options.web_enable_lifecycle) {
    web.reload = [this] { return Reload(); };
  }
  RegisterWeb(std::move(web), routes);
  return routes;
}

absl::Status Daemon::Impl::Serve() {
  BuildHandlers();
  if (!options.grpc_listen_address.empty()) {
    grpc = std::make_unique<GrpcServer>(*api);
    if (absl::Status status = grpc->Start(options.grpc_listen_address); !status.ok()) return status;
  }
  http->SetRoutes(Routes());
  return absl::OkStatus();
}

void Daemon::Impl::StartActors() {
  const auto add = [this](const char* name, DurationMs every_ms, Periodic::Work work) {
    actors.push_back(std::make_unique<Periodic>(name, every_ms, std::move(work)));
    return actors.back().get();
  };
  using Stopping = std::atomic<bool>;
  emit_actor = add("emit", kEmitEvery, [this](const Stopping& s) { emit_loop->Run(s); });
  add("upstream", kUpstreamEvery, [this](const Stopping& s) { upstream_loop->Run(s); });
  add("forecast", kForecastEvery, [this](const Stopping&) { forecast_loop->Run(); });
  add("train", kTrainEvery, [this](const Stopping& s) { training_loop->Run(s); });
  add("maintain", kMaintainEvery, [this](const Stopping&) { Maintain(); });
  for (const auto& actor : actors) actor->Start();
}

void Daemon::Impl::Maintain() {
  const TimestampMs now_ms = clock.NowMs();
  if (absl::Status status = history->Maintain(now_ms); !status.ok()) {
    logger.Error("the history cannot be maintained", {{"error", status}});
  }
  // Every issue leaves as much as it made: the curves before it, and what was sent of them.
  ReleaseFreeMemory();
  self_metrics.Update();
}

bool Daemon::Impl::Ready() const {
  for (const ActiveRule& active : rules->Current()->rules) {
    if (progress.Get(active.rule.name).phase == Phase::kFilling) return false;
  }
  return true;
}

absl::Status Daemon::Impl::Reload() {
  absl::MutexLock lock(&mu);
  auto loaded = LoadConfig(options.config_file);
  absl::Status status = loaded.status();
  if (status.ok() &&
      loaded->global.out_of_order_window_ms != config.global.out_of_order_window_ms) {
    logger.Warn("global.out_of_order_window changes at the next start");
  }
  if (status.ok()) status = Apply(*loaded);
  self_metrics.Reloaded(status.ok(), clock.NowMs());
  if (status.ok()) {
    logger.Info("configuration reloaded", {{"file", options.config_file}});
  } else {
    logger.Error("configuration not reloaded: the present one stays", {{"error", status}});
  }
  return status;
}

void Daemon::Impl::Stop() {
  if (http != nullptr) http->Stop();
  if (grpc != nullptr) grpc->Stop();
  for (const auto& actor : actors) actor->Stop();
  if (ledger != nullptr) ledger->Save();
  absl::MutexLock lock(&mu);
  for (const auto& sender : senders) sender->Stop(kFlushAtStop);
  senders.clear();
}

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Start(DaemonOptions options, Logger logger) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(logger));
  if (absl::Status status = impl->Start(); !status.ok()) return status;
  return std::unique_ptr<Daemon>(new Daemon(std::move(impl)));
}

Daemon::Daemon(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Daemon::~Daemon() = default;

absl::Status Daemon::Reload() { return impl_->Reload(); }
void Daemon::Stop() { impl_->Stop(); }
int Daemon::web_port() const { return impl_->http->port(); }

}  // namespace auspex
