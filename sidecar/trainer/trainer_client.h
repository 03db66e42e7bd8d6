// A trainer behind a gRPC address.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "sidecar/trainer/job_watchdog.h"
#include "sidecar/trainer/trainer.h"

namespace auspex {

struct TrainerClientOptions {
  // "host:port", "dns:///name:port" (jobs go round among its addresses) or "unix:/path".
  std::string address;
  JobLimits limits;
};

// Thread-safe.
class TrainerClient : public Trainer {
 public:
  explicit TrainerClient(TrainerClientOptions options);
  ~TrainerClient() override;

  absl::StatusOr<TrainedModels> Train(const TrainingJob& job, const TrainingObserver& observer,
                                      const CancelCheck& cancelled) override;
  // The same; the job also ends with the status of `check` as soon as that is an error. `check` is
  // polled on another thread.
  absl::StatusOr<TrainedModels> Train(const TrainingJob& job, const TrainingObserver& observer,
                                      const CancelCheck& cancelled,
                                      const JobWatchdog::Check& check);

 private:
  class Connection;  // keeps gRPC out of this header

  const TrainerClientOptions options_;
  const std::unique_ptr<Connection> connection_;
};

}  // namespace auspex
