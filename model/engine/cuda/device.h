// One GPU as the engine sees it. Between the engine and the CUDA runtime, so that the engine can be
// tested on a device that is emulated and fails on demand.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/engine/cuda/fleet_plan.h"

namespace auspex::model {

// Memory of a device, or of the host where devices read and write it fast. Aligned to 256 bytes.
// Freed with its owner, from any thread.
using DeviceMemory = std::unique_ptr<float[], std::function<void(float*)>>;

// Work in order. Not thread-safe.
class DeviceStream {
 public:
  virtual ~DeviceStream() = default;
  // Enqueues records to the device, kernels, and forecasts back. The pass' memory belongs to the
  // stream until Wait() has returned, whatever it returned.
  virtual absl::Status Start(const FleetPass& pass) = 0;
  // Until all that was started is done.
  virtual absl::Status Wait() = 0;
};

// Every call may fail: ResourceExhausted when memory is short, which may pass; Unavailable when the
// device is lost, which does not. Thread-safe.
class Device {
 public:
  virtual ~Device() = default;
  virtual const std::string& name() const = 0;
  virtual size_t shared_bytes_max() const = 0;  // shared memory of one block

  virtual absl::StatusOr<DeviceMemory> Allocate(size_t floats) = 0;
  virtual absl::StatusOr<DeviceMemory> AllocateHost(size_t floats) = 0;
  // From any host memory to device memory; returns when it is there.
  virtual absl::Status Upload(std::span<const float> from, float* to) = 0;
  virtual absl::StatusOr<std::unique_ptr<DeviceStream>> NewStream() = 0;
};

// The CUDA devices of this machine that can be opened. FailedPrecondition when this build has no
// CUDA; NotFound when there is no device or no driver; Unavailable when no device can be opened.
absl::StatusOr<std::vector<std::shared_ptr<Device>>> FindCudaDevices();

}  // namespace auspex::model
