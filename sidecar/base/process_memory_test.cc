#include "sidecar/base/process_memory.h"

#include <gtest/gtest.h>

#include <vector>

namespace auspex {
namespace {

TEST(ProcessMemoryTest, GrowsWithWhatIsTouched) {
  constexpr int64_t kBytes = 64 << 20;
  const int64_t before = ResidentBytes();
  EXPECT_GT(before, 0);
  const std::vector<char> touched(kBytes, 1);
  EXPECT_GE(ResidentBytes() - before, kBytes / 2) << touched.size();
}

}  // namespace
}  // namespace auspex
