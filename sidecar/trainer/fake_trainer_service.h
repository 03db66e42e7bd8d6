// Stands in for auspex-trainer in the tests, one job at a time, and misbehaves as it is told to.
#pragma once

#include <atomic>
#include <string>

#include "proto/auspex/v1/trainer.grpc.pb.h"

namespace auspex {

// How it misbehaves: "" (not at all), or
//   crash, hang, memory, endless        while it trains
//   short_weights, nan_weights, shares,
//   unknown_aggregate, twice, early,
//   no_summary, incomplete, settings,
//   evidence                            in what it answers
//   busy                                refuses the job
class FakeTrainerService final : public v1::Trainer::Service {
 public:
  explicit FakeTrainerService(std::string mode) : mode_(std::move(mode)) {}

  // Answers base weights of 0.5 fitted with the job's settings, as all trials, own weights of 0.25
  // for the first aggregate, and the evidence that it was given.
  grpc::Status Train(grpc::ServerContext* context,
                     grpc::ServerReaderWriter<v1::TrainEvent, v1::TrainRequest>* stream) override;
  // Those that it has taken.
  int jobs() const { return jobs_; }

 private:
  grpc::Status RunJob(grpc::ServerContext& context,
                      grpc::ServerReaderWriter<v1::TrainEvent, v1::TrainRequest>& stream);

  const std::string mode_;
  std::atomic<bool> busy_{false};
  std::atomic<int> jobs_{0};
};

}  // namespace auspex
