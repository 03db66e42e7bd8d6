#include "sidecar/base/process_memory.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "absl/base/config.h"

namespace auspex {
namespace {

TEST(ProcessMemoryTest, GrowsWithWhatIsTouched) {
  constexpr int64_t kBytes = 64 << 20;
  const int64_t before = ResidentBytes();
  EXPECT_GT(before, 0);
  const std::vector<char> touched(kBytes, 1);
  EXPECT_GE(ResidentBytes() - before, kBytes / 2) << touched.size();
}

TEST(ProcessMemoryTest, WhatIsFreedBetweenOtherThingsIsGivenBack) {
#if defined(ABSL_HAVE_ADDRESS_SANITIZER) || defined(ABSL_HAVE_THREAD_SANITIZER)
  GTEST_SKIP() << "the sanitizers bring an allocator of their own, which keeps what is freed";
#endif
  constexpr size_t kBytes = 16 << 10;  // small enough for the heap, several pages
  std::vector<std::vector<char>> kept;
  std::vector<std::vector<char>> freed;
  for (int i = 0; i < 2048; ++i) {
    freed.emplace_back(kBytes, 1);
    kept.emplace_back(100, 1);
  }
  freed.clear();
  const int64_t before = ResidentBytes();
  ReleaseFreeMemory();
  EXPECT_LT(ResidentBytes(), before - (16 << 20)) << kept.size();
}

TEST(ProcessMemoryTest, LargeBlocksGoBackWhenTheyAreFreed) {
#if defined(ABSL_HAVE_ADDRESS_SANITIZER) || defined(ABSL_HAVE_THREAD_SANITIZER)
  GTEST_SKIP() << "the sanitizers bring an allocator of their own, which keeps what is freed";
#endif
  constexpr size_t kBytes = 16 << 20;
  ReturnLargeBlocks();
  // The first one to be freed is what makes the allocator keep those after it.
  for (int round = 0; round < 3; ++round) {
    auto freed = std::make_unique<std::vector<char>>(kBytes, 1);
    const int64_t before = ResidentBytes();
    freed.reset();
    EXPECT_LT(ResidentBytes(), before - static_cast<int64_t>(kBytes) / 2) << round;
  }
}

}  // namespace
}  // namespace auspex
