// A device on the host, for tests: runs the code of the kernels block by block, and fails on
// demand.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "model/engine/cuda/device.h"
#include "model/engine/cuda/emulated_block.h"

namespace auspex::model {

// Thread-safe. Must outlive its memory and streams.
class EmulatedDevice final : public Device {
 public:
  explicit EmulatedDevice(std::string name, size_t shared_bytes_max = 64 << 10,
                          ThreadOrder order = ThreadOrder::kForward)
      : name_(std::move(name)), shared_bytes_max_(shared_bytes_max), order_(order) {}

  // After `calls` more calls every call fails with `status`, until the next FailAfter().
  void FailAfter(int calls, absl::Status status);
  // Only calls that allocate device memory fail.
  void FailAllocations(absl::Status status);
  // Forecasts are wrong from now on.
  void Miscompute() { wrong_ = true; }

  int64_t items_run() const { return items_run_; }
  int64_t passes_run() const { return passes_run_; }
  // Of device memory that was not given back.
  int64_t floats_allocated() const { return floats_allocated_; }

  const std::string& name() const override { return name_; }
  size_t shared_bytes_max() const override { return shared_bytes_max_; }
  absl::StatusOr<DeviceMemory> Allocate(size_t floats) override;
  absl::StatusOr<DeviceMemory> AllocateHost(size_t floats) override;
  absl::Status Upload(std::span<const float> from, float* to) override;
  absl::StatusOr<std::unique_ptr<DeviceStream>> NewStream() override;

 private:
  class Stream;

  absl::Status Call();
  void Run(const FleetPass& pass);

  const std::string name_;
  const size_t shared_bytes_max_;
  const ThreadOrder order_;
  std::atomic<int64_t> items_run_ = 0;
  std::atomic<int64_t> passes_run_ = 0;
  std::atomic<int64_t> floats_allocated_ = 0;
  std::atomic<bool> wrong_ = false;
  absl::Mutex mutex_;
  int calls_left_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  absl::Status allocation_failure_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace auspex::model
