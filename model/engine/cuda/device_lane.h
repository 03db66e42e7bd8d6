// One device of an engine: the memory of its models, and two passes in flight, so that the host
// fills one while the device computes the other.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/engine/cuda/device.h"
#include "model/engine/cuda/device_arena.h"
#include "model/engine/cuda/fleet_plan.h"

namespace auspex::model {

// A part of a call's items: their positions in it. Borrowed.
using ItemIndices = std::span<const size_t>;

// What a lane asks of the call that it works for.
class PassClient {
 public:
  virtual ~PassClient() = default;
  // Writes the record of every item; the i-th begins at records + i * plan.record.floats.
  virtual void Fill(const FleetPlan& plan, ItemIndices items, float* records) = 0;
  // Takes the forecasts: plan.output_floats per item.
  virtual void Take(const FleetPlan& plan, ItemIndices items, const float* outputs) = 0;
};

// Not thread-safe, but for arena() and device().
class DeviceLane {
 public:
  explicit DeviceLane(std::shared_ptr<Device> device);
  ~DeviceLane();

  Device& device() { return *device_; }
  DeviceArena& arena() { return *arena_; }

  // Items of one pass.
  static size_t ItemsPerPass(const FleetPlan& plan);

  // Fills a pass and starts it; takes the forecasts of the pass before the last. After an error the
  // items of neither have been taken. REQUIRES: at most ItemsPerPass() items.
  absl::Status Run(const FleetPlan& plan, ItemIndices items, PassClient& client);
  // Waits for what is in flight and takes its forecasts. Tries all of it, whatever happens; the
  // first error.
  absl::Status Finish(PassClient& client);

 private:
  struct Stage {
    std::unique_ptr<DeviceStream> stream;
    DeviceMemory host_records;
    DeviceMemory device_records;
    DeviceMemory device_states;
    DeviceMemory device_outputs;
    DeviceMemory host_outputs;
    FleetPlan fitted;  // what there is memory for
    FleetPass pass;
    ItemIndices items;  // in flight; empty when nothing is
  };

  absl::Status Fit(const FleetPlan& plan, Stage& stage);
  absl::Status Finish(Stage& stage, PassClient& client);

  const std::shared_ptr<Device> device_;
  const std::shared_ptr<DeviceArena> arena_;
  std::array<Stage, 2> stages_;
  size_t next_ = 0;  // stage of the next pass
};

}  // namespace auspex::model
