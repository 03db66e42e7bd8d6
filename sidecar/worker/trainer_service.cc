#include "sidecar/worker/trainer_service.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "sidecar/worker/train_codec.h"

namespace auspex {
namespace {

// Progress is a heartbeat: often enough that silence means a hung worker, seldom enough to cost
// nothing.
constexpr double kProgressSeconds = 0.2;

using Stream = grpc::ServerReaderWriter<v1::TrainEvent, v1::TrainRequest>;

struct Job {
  std::string rule;
  double cpu_share = 1;
  model::TrainJob train;
};

absl::StatusOr<Job> ReadJob(Stream& stream) {
  v1::TrainRequest request;
  if (!stream.Read(&request) || !request.has_header()) {
    return absl::InvalidArgumentError("the first message of a Train stream must be the header");
  }
  Job job{.rule = request.header().rule()};
  const auto announced = static_cast<size_t>(request.header().aggregates());
  auto train = JobFromHeader(request.header());
  if (!train.ok()) return train.status();
  job.train = *std::move(train);
  if (request.header().cpu_share() != 0) job.cpu_share = request.header().cpu_share();
  while (stream.Read(&request)) {
    if (!request.has_series()) {
      return absl::InvalidArgumentError(
          absl::StrCat("rule ", job.rule, ": only series may follow the header"));
    }
    job.train.series.push_back(SeriesFromMessage(request.series()));
    if (job.train.series.size() > announced) break;
  }
  if (job.train.series.size() != announced) {
    return absl::InvalidArgumentError(absl::StrCat("rule ", job.rule, ": the header announces ",
                                                   announced, " series, but another number came"));
  }
  return job;
}

// Progress at a measured pace.
class ProgressWriter {
 public:
  ProgressWriter(Stream& stream, const std::function<double()>& now_seconds)
      : stream_(stream), now_seconds_(now_seconds) {}

  void operator()(const model::TrainProgress& progress) {
    const double now = now_seconds_();
    if (progress.stage == stage_ && now - written_at_ < kProgressSeconds) return;
    stage_ = progress.stage;
    written_at_ = now;
    stream_.Write(ProgressEvent(progress));
  }

 private:
  Stream& stream_;
  const std::function<double()>& now_seconds_;
  std::string stage_;
  double written_at_ = 0;
};

// The sync API's IsCancelled is not for several threads at once.
class Cancellation {
 public:
  explicit Cancellation(const grpc::ServerContext& context) : context_(context) {}
  bool operator()() {
    absl::MutexLock lock(&mu_);
    return context_.IsCancelled();
  }

 private:
  absl::Mutex mu_;
  const grpc::ServerContext& context_ ABSL_GUARDED_BY(mu_);
};

void LogTuning(const Logger& logger, const std::string& rule, const model::TrainResult& result) {
  const model::FitTrial& incumbent = result.trials.front();
  const auto chosen =
      std::find_if(result.trials.begin(), result.trials.end(),
                   [&](const model::FitTrial& trial) { return trial.settings == result.settings; });
  logger.Info("tuned", {{"rule", rule},
                        {"trials", result.trials.size() - 1},
                        {"cpu_seconds", result.tuning_cpu_seconds},
                        {"loss_before", incumbent.loss},
                        {"loss", chosen == result.trials.end() ? incumbent.loss : chosen->loss},
                        {"learning_rate", result.settings.learning_rate},
                        {"encoder_dropout", result.settings.encoder_dropout},
                        {"weight_decay", result.settings.weight_decay}});
}

grpc::Status ToGrpc(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

}  // namespace

TrainerService::TrainerService(TrainerServiceOptions options, TrainFunction train, Logger logger)
    : options_(std::move(options)), train_(std::move(train)), logger_(std::move(logger)) {}

grpc::Status TrainerService::Train(grpc::ServerContext* context, Stream* stream) {
  if (busy_.exchange(true)) {
    return {grpc::StatusCode::RESOURCE_EXHAUSTED, "this trainer is busy with another job"};
  }
  absl::Status status;
  try {
    status = RunJob(*context, *stream);
  } catch (const std::bad_alloc&) {
    status = absl::ResourceExhaustedError("the job needs more memory than --memory.max allows");
  } catch (const std::exception& error) {
    status = absl::InternalError(absl::StrCat("training failed: ", error.what()));
  }
  busy_ = false;
  if (!status.ok()) logger_.Warn("job failed", {{"err", status}});
  return ToGrpc(status);
}

absl::Status TrainerService::RunJob(grpc::ServerContext& context, Stream& stream) {
  const double started_at = options_.clocks.wall();
  const auto job = ReadJob(stream);
  if (!job.ok()) return job.status();
  const auto& [rule, cpu_share, train_job] = *job;
  logger_.Info("job started",
               {{"rule", rule}, {"aggregates", train_job.series.size()}, {"cpu_share", cpu_share}});

  ProgressWriter progress(stream, options_.clocks.wall);
  Cancellation cancelled(context);
  const bool throttled = cpu_share < 1;
  CpuThrottle throttle(cpu_share * options_.threads, options_.clocks);
  // Training asks all the time, on every thread, whether to go on: the place to rest as well.
  const auto stop = [&] { return throttled ? !throttle.Pace(std::ref(cancelled)) : cancelled(); };
  const auto result = train_(train_job, {.parallel_for = options_.parallel_for,
                                         .threads = options_.threads,
                                         .now_seconds = options_.clocks.wall,
                                         .cpu_seconds = options_.clocks.cpu,
                                         .progress = std::ref(progress),
                                         .cancelled = stop});
  if (!result.ok()) return result.status();

  const double seconds = options_.clocks.wall() - started_at;
  stream.Write(SummaryEvent(*result, seconds));
  for (const model::TrainedSeries& series : result->series) stream.Write(AggregateEvent(series));
  if (!result->trials.empty()) LogTuning(logger_, rule, *result);
  logger_.Info("job done", {{"rule", rule},
                            {"seconds", seconds},
                            {"base_iterations", result->base_iterations},
                            {"interval_factor", result->interval_factor},
                            {"origins", result->origins},
                            {"choice", model::GateCandidateName(result->choice)}});
  return absl::OkStatus();
}

}  // namespace auspex
