// The gRPC service of auspex-trainer: one job at a time, from stream to stream.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "model/train/train.h"
#include "proto/auspex/v1/trainer.grpc.pb.h"
#include "sidecar/base/log.h"
#include "sidecar/worker/cpu_throttle.h"

namespace auspex {

struct TrainerServiceOptions {
  model::ParallelFor parallel_for = model::SerialFor();  // runs what may compute at the same time
  int threads = 1;                                       // that it runs them on
  CpuClocks clocks;
};

// model::Train, or a stand-in for it in tests.
using TrainFunction = std::function<absl::StatusOr<model::TrainResult>(const model::TrainJob&,
                                                                       const model::TrainOptions&)>;

// Thread-safe. A second job is refused with RESOURCE_EXHAUSTED while one runs: the client tries
// again, or another member of its pool.
class TrainerService final : public v1::Trainer::Service {
 public:
  TrainerService(TrainerServiceOptions options, TrainFunction train, Logger logger);

  grpc::Status Train(grpc::ServerContext* context,
                     grpc::ServerReaderWriter<v1::TrainEvent, v1::TrainRequest>* stream) override;

 private:
  using Stream = grpc::ServerReaderWriter<v1::TrainEvent, v1::TrainRequest>;
  absl::Status RunJob(grpc::ServerContext& context, Stream& stream);

  const TrainerServiceOptions options_;
  const TrainFunction train_;
  const Logger logger_;
  std::atomic<bool> busy_{false};
};

}  // namespace auspex
