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
  // "host:port", "unix:/path", or a pool whose members jobs go round among: "dns:///name:port" for
  // all addresses of the name, "ipv4:a:port,b:port" for those listed.
  std::string address;
  JobLimits limits;
};

// Thread-safe: jobs of several threads run at the same time, each on another member of the pool
// while there is a free one. A member that is busy refuses a job before it begins; it then goes to
// the next, sixteen times at most.
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

  // One try. Sets `refused` when the trainer was busy and did not begin.
  absl::StatusOr<TrainedModels> TryTrain(const TrainingJob& job, const TrainingObserver& observer,
                                         const CancelCheck& cancelled,
                                         const JobWatchdog::Check& check, bool* refused);

  const TrainerClientOptions options_;
  const std::unique_ptr<Connection> connection_;
};

}  // namespace auspex
