// How far a job is, and whether it should go on.
#pragma once

#include <limits>
#include <mutex>
#include <string_view>

#include "model/train/train.h"

namespace auspex::model {

// Thread-safe; reports are made one at a time.
class ProgressMeter {
 public:
  // `options` is borrowed.
  explicit ProgressMeter(const TrainOptions& options) : options_(options) {}

  // Begins a stage that takes the job to `fraction_at_end` in `units` pieces of work; without any
  // it is done at once.
  void Begin(std::string_view stage, double fraction_at_end, double units);
  // One more piece is done; false when the job was cancelled.
  bool Advance(double loss = std::numeric_limits<double>::quiet_NaN());
  // Reports that the job is alive; false when it was cancelled.
  bool Alive();

 private:
  void Report();  // with mu_ held

  const TrainOptions& options_;
  std::mutex mu_;
  std::string_view stage_ = "features";
  double stage_begin_ = 0;
  double stage_end_ = 0;
  double units_ = 1;
  double done_ = 0;
  double loss_ = std::numeric_limits<double>::quiet_NaN();
};

}  // namespace auspex::model
