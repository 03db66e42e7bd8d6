// Trains in a process of our own, started for each job.
#pragma once

#include <atomic>
#include <cstddef>

#include "sidecar/trainer/job_watchdog.h"
#include "sidecar/trainer/trainer.h"
#include "sidecar/trainer/trainer_process.h"

namespace auspex {

struct EmbeddedTrainerOptions {
  TrainerProcessOptions process;
  JobLimits limits;
};

// One job at a time.
class EmbeddedTrainer : public Trainer {
 public:
  explicit EmbeddedTrainer(EmbeddedTrainerOptions options) : options_(std::move(options)) {}

  absl::StatusOr<TrainedModels> Train(const TrainingJob& job, const TrainingObserver& observer,
                                      const CancelCheck& cancelled) override;

  // The most memory that the process of the latest job used. Thread-safe.
  size_t resident_bytes_peak() const { return resident_bytes_peak_; }

 private:
  const EmbeddedTrainerOptions options_;
  std::atomic<size_t> resident_bytes_peak_{0};
};

}  // namespace auspex
