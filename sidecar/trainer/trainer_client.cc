#include "sidecar/trainer/trainer_client.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/auspex/v1/trainer.grpc.pb.h"
#include "sidecar/trainer/trainer_codec.h"

namespace auspex {
namespace {

// The largest model of a spec (9 networks of 512 hidden units, 4 layers) has 270 MB of weights.
constexpr int kMessageBytesMax = 300 << 20;
constexpr int kReconnectMs = 100;  // a trainer of our own is up within a second
constexpr int kKeepaliveMs = 20'000;
constexpr int kTries = 16;
constexpr auto kRetryPause = std::chrono::milliseconds(50);  // others of the pool connect meanwhile

using Stream = grpc::ClientReaderWriter<v1::TrainRequest, v1::TrainEvent>;

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetLoadBalancingPolicyName("round_robin");
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kReconnectMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  // Channels to one address share their connection otherwise, and with it the backoff after a
  // trainer that died.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

// OK also when the stream broke: Finish then says why.
absl::Status SendJob(const TrainingJob& job, Stream& stream, JobWatchdog& watchdog) {
  if (!stream.Write(HeaderRequest(job))) return absl::OkStatus();
  for (const AggregateId aggregate : job.aggregates) {
    const auto series = job.read(aggregate);
    if (!series.ok()) return series.status();
    if (!stream.Write(SeriesRequest(job, aggregate, *series))) return absl::OkStatus();
    watchdog.Touch();
  }
  stream.WritesDone();
  return absl::OkStatus();
}

// Reads until the stream ends; an error when an answer makes no sense.
absl::Status Receive(Stream& stream, const TrainingObserver& observer, JobWatchdog& watchdog,
                     TrainedModelsBuilder& builder, bool* begun) {
  v1::TrainEvent event;
  while (stream.Read(&event)) {
    watchdog.Touch();
    *begun = true;
    absl::Status status;
    if (event.has_progress()) {
      if (observer) observer(ProgressFromMessage(event.progress()));
    } else if (event.has_summary()) {
      status = builder.AddSummary(event.summary());
    } else if (event.has_aggregate()) {
      status = builder.AddAggregate(event.aggregate());
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status FromGrpc(const std::string& address, const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      absl::StrCat("trainer ", address, ": ", status.error_message()));
}

}  // namespace

class TrainerClient::Connection {
 public:
  explicit Connection(const std::string& address)
      : stub_(v1::Trainer::NewStub(MakeChannel(address))) {}
  v1::Trainer::Stub& stub() { return *stub_; }

 private:
  const std::unique_ptr<v1::Trainer::Stub> stub_;
};

TrainerClient::TrainerClient(TrainerClientOptions options)
    : options_(std::move(options)), connection_(std::make_unique<Connection>(options_.address)) {}

TrainerClient::~TrainerClient() = default;

absl::StatusOr<TrainedModels> TrainerClient::Train(const TrainingJob& job,
                                                   const TrainingObserver& observer,
                                                   const CancelCheck& cancelled) {
  return Train(job, observer, cancelled, [] { return absl::OkStatus(); });
}

absl::StatusOr<TrainedModels> TrainerClient::Train(const TrainingJob& job,
                                                   const TrainingObserver& observer,
                                                   const CancelCheck& cancelled,
                                                   const JobWatchdog::Check& check) {
  for (int tries = 1;; ++tries) {
    bool refused = false;
    auto models = TryTrain(job, observer, cancelled, check, &refused);
    if (!refused || tries == kTries) return models;
    std::this_thread::sleep_for(kRetryPause);
  }
}

absl::StatusOr<TrainedModels> TrainerClient::TryTrain(const TrainingJob& job,
                                                      const TrainingObserver& observer,
                                                      const CancelCheck& cancelled,
                                                      const JobWatchdog::Check& check,
                                                      bool* refused) {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);  // the watchdog bounds the wait
  const auto watched = [&]() -> absl::Status {
    if (cancelled && cancelled()) return absl::CancelledError("training was cancelled");
    return check();
  };
  // Before the call: beginning it waits for the connection.
  JobWatchdog watchdog(options_.limits, watched, [&context] { context.TryCancel(); });
  const auto stream = connection_->stub().Train(&context);

  TrainedModelsBuilder builder(job);
  bool begun = false;
  absl::Status status = SendJob(job, *stream, watchdog);
  if (status.ok()) status = Receive(*stream, observer, watchdog, builder, &begun);
  if (!status.ok()) context.TryCancel();  // else Finish would wait for the trainer
  const grpc::Status finished = stream->Finish();

  // Why we ended the call says more than what the call then says.
  if (absl::Status verdict = watchdog.Stop(); !verdict.ok()) return verdict;
  if (!status.ok()) return status;
  *refused = !begun && finished.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
  if (!finished.ok()) return FromGrpc(options_.address, finished);
  return std::move(builder).Finish();
}

}  // namespace auspex
