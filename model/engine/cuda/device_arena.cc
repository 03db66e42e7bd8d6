#include "model/engine/cuda/device_arena.h"

#include <algorithm>
#include <utility>

namespace auspex::model {
namespace {

constexpr size_t kSlotPad = 64;           // floats: slots begin at 256 bytes
constexpr size_t kSlabFloats = 1U << 20;  // 4 MiB: about 100 models of the default size

}  // namespace

absl::StatusOr<DeviceMemory> DeviceArena::Take(size_t floats) {
  const size_t slot_floats = (floats + kSlotPad - 1) / kSlotPad * kSlotPad;
  absl::MutexLock lock(&mutex_);
  Slabs& slabs = slabs_[slot_floats];
  auto found = std::find_if(slabs.begin(), slabs.end(),
                            [](const auto& slab) { return !slab->free.empty(); });
  if (found == slabs.end()) {
    auto slab = NewSlab(slot_floats);
    if (!slab.ok()) return slab.status();
    found = slabs.insert(slabs.end(), *std::move(slab));
  }
  Slab* const slab = found->get();
  float* const slot = slab->free.back();
  slab->free.pop_back();
  floats_used_ += slot_floats;
  return DeviceMemory(slot, [arena = shared_from_this(), slot_floats, slab](float* given) {
    arena->GiveBack(slot_floats, slab, given);
  });
}

absl::StatusOr<std::unique_ptr<DeviceArena::Slab>> DeviceArena::NewSlab(size_t slot_floats) {
  auto slab = std::make_unique<Slab>();
  slab->slots = std::max<size_t>(1, kSlabFloats / slot_floats);
  auto memory = device_->Allocate(slab->slots * slot_floats);
  if (!memory.ok()) return memory.status();
  slab->memory = *std::move(memory);
  for (size_t i = slab->slots; i > 0; --i) {
    slab->free.push_back(slab->memory.get() + (i - 1) * slot_floats);
  }
  return slab;
}

void DeviceArena::GiveBack(size_t slot_floats, Slab* slab, float* slot) {
  std::unique_ptr<Slab> unused;  // freed outside of the lock: that waits for the device
  absl::MutexLock lock(&mutex_);
  floats_used_ -= slot_floats;
  slab->free.push_back(slot);
  if (slab->free.size() < slab->slots) return;
  Slabs& slabs = slabs_[slot_floats];
  const auto found = std::find_if(slabs.begin(), slabs.end(),
                                  [slab](const auto& other) { return other.get() == slab; });
  unused = std::move(*found);
  slabs.erase(found);
}

size_t DeviceArena::floats_used() const {
  absl::MutexLock lock(&mutex_);
  return floats_used_;
}

}  // namespace auspex::model
