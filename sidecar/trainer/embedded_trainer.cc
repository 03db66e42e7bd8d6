#include "sidecar/trainer/embedded_trainer.h"

#include "sidecar/trainer/trainer_client.h"

namespace auspex {

absl::StatusOr<TrainedModels> EmbeddedTrainer::Train(const TrainingJob& job,
                                                     const TrainingObserver& observer,
                                                     const CancelCheck& cancelled) {
  const auto process = TrainerProcess::Start(options_.process);
  if (!process.ok()) return process.status();
  TrainerClient client({.address = (*process)->address(), .limits = options_.limits});
  auto models = client.Train(job, observer, cancelled, [&process] { return (*process)->Check(); });
  resident_bytes_peak_ = (*process)->resident_bytes_peak();
  return models;
}

}  // namespace auspex
