// Device memory for the weights of many models: slots of equal size, cut from large slabs, so that
// a promoted model takes a free slot and nothing is allocated.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "model/engine/cuda/device.h"

namespace auspex::model {

// Thread-safe.
class DeviceArena : public std::enable_shared_from_this<DeviceArena> {
 public:
  explicit DeviceArena(std::shared_ptr<Device> device) : device_(std::move(device)) {}

  // Room for `floats`. Goes back to the arena with its owner, which may outlive every other
  // reference to the arena; a slab without owners goes back to the device. The device's errors.
  absl::StatusOr<DeviceMemory> Take(size_t floats);

  // Of the slots that are taken.
  size_t floats_used() const;

 private:
  struct Slab {
    DeviceMemory memory;
    std::vector<float*> free;
    size_t slots = 0;
  };
  using Slabs = std::vector<std::unique_ptr<Slab>>;

  absl::StatusOr<std::unique_ptr<Slab>> NewSlab(size_t slot_floats);
  void GiveBack(size_t slot_floats, Slab* slab, float* slot);

  const std::shared_ptr<Device> device_;
  mutable absl::Mutex mutex_;
  std::map<size_t, Slabs> slabs_ ABSL_GUARDED_BY(mutex_);  // by size of a slot
  size_t floats_used_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace auspex::model
