#include "model/engine/cuda/device_arena.h"

#include <algorithm>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "model/engine/cuda/emulated_device.h"

namespace auspex::model {
namespace {

TEST(DeviceArenaTest, SlotsAreReusedAndGivenBack) {
  auto device = std::make_shared<EmulatedDevice>("gpu");
  auto arena = std::make_shared<DeviceArena>(device);
  auto first = *arena->Take(1000);
  auto second = *arena->Take(1000);
  EXPECT_EQ(arena->floats_used(), 2048U);
  const int64_t allocated = device->floats_allocated();
  EXPECT_GE(allocated, 2048);
  EXPECT_LE(allocated, 1 << 20);

  const float* place = first.get();
  first.reset();
  EXPECT_EQ((*arena->Take(990)).get(), place) << "the slot that became free";
  EXPECT_EQ(device->floats_allocated(), allocated) << "nothing new for it";
  second.reset();
  EXPECT_EQ(device->floats_allocated(), 0) << "the last slot takes the slab along";
}

TEST(DeviceArenaTest, SlotsOutliveTheArena) {
  auto device = std::make_shared<EmulatedDevice>("gpu");
  DeviceMemory slot = *std::make_shared<DeviceArena>(device)->Take(10);
  slot[9] = 1;
  EXPECT_GT(device->floats_allocated(), 0);
  slot.reset();
  EXPECT_EQ(device->floats_allocated(), 0);
}

TEST(DeviceArenaTest, PassesOnWhatTheDeviceSays) {
  auto device = std::make_shared<EmulatedDevice>("gpu");
  auto arena = std::make_shared<DeviceArena>(device);
  device->FailAfter(0, absl::ResourceExhaustedError("full"));
  EXPECT_EQ(arena->Take(10).status(), absl::ResourceExhaustedError("full"));
  device->FailAfter(0, absl::OkStatus());
  EXPECT_TRUE(arena->Take(10).ok());
}

// Slots of several sizes come and go; no two overlap.
TEST(DeviceArenaTest, RandomUseKeepsSlotsApart) {
  auto device = std::make_shared<EmulatedDevice>("gpu");
  auto arena = std::make_shared<DeviceArena>(device);
  std::mt19937 random(5);
  struct Taken {
    DeviceMemory memory;
    size_t floats;
    float mark;
  };
  std::vector<Taken> taken;
  const auto is_whole = [](const Taken& slot) {
    return std::all_of(slot.memory.get(), slot.memory.get() + slot.floats,
                       [&](float value) { return value == slot.mark; });
  };
  for (int round = 0; round < 3000; ++round) {
    if (taken.empty() || random() % 5 < 3) {
      constexpr size_t kSizes[] = {1, 64, 65, 5000, 300'000};
      const size_t floats = kSizes[random() % (random() % 50 == 0 ? 5 : 4)];
      taken.push_back({*arena->Take(floats), floats, static_cast<float>(round)});
      std::fill_n(taken.back().memory.get(), floats, taken.back().mark);
    } else {
      std::swap(taken[random() % taken.size()], taken.back());
      ASSERT_TRUE(is_whole(taken.back()));
      taken.pop_back();
    }
  }
  EXPECT_TRUE(std::all_of(taken.begin(), taken.end(), is_whole));
  taken.clear();
  EXPECT_EQ(arena->floats_used(), 0U);
  EXPECT_EQ(device->floats_allocated(), 0);
}

}  // namespace
}  // namespace auspex::model
