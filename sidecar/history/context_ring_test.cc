#include "sidecar/history/context_ring.h"

#include <gtest/gtest.h>

#include <cmath>

namespace auspex {
namespace {

std::vector<float> Copy(const ContextRing& ring, TimestampMs last, size_t n) {
  std::vector<float> out(n);
  ring.Copy(last, out);
  return out;
}

TEST(ContextRing, KeepsTheNewestSteps) {
  ContextRing ring(4, 10);
  for (int i = 1; i <= 6; ++i) ring.Set(i * 10, i);
  EXPECT_EQ(Copy(ring, 60, 4), (std::vector<float>{3, 4, 5, 6}));
  EXPECT_EQ(Copy(ring, 50, 3), (std::vector<float>{3, 4, 5}));
  EXPECT_TRUE(std::isnan(Copy(ring, 60, 5)[0]));  // older than the ring
  EXPECT_TRUE(std::isnan(Copy(ring, 70, 1)[0]));  // not there yet
}

TEST(ContextRing, CopiesEveryRangeAroundItsEnds) {
  constexpr int kSteps = 5;
  for (int newest = 1; newest <= 13; ++newest) {
    ContextRing ring(kSteps, 10);
    for (int i = 1; i <= newest; ++i) ring.Set(i * 10, i);
    for (int last = -3; last <= newest + 7; ++last) {
      for (size_t n = 0; n <= 12; ++n) {
        const std::vector<float> out = Copy(ring, last * 10, n);
        for (size_t i = 0; i < n; ++i) {
          const int step = last - static_cast<int>(n) + 1 + static_cast<int>(i);
          const bool held = step >= 1 && step <= newest && step > newest - kSteps;
          EXPECT_TRUE(held ? out[i] == static_cast<float>(step) : std::isnan(out[i]))
              << newest << ' ' << last << ' ' << n << ' ' << i;
        }
      }
    }
  }
  EXPECT_TRUE(std::isnan(Copy(ContextRing(kSteps, 10), 0, 1)[0])) << "an empty ring holds nothing";
}

TEST(ContextRing, SkippedStepsAreMissingAndLateOnesFillIn) {
  ContextRing ring(4, 10);
  for (int i = 1; i <= 4; ++i) ring.Set(i * 10, i);
  ring.Set(70, 7);
  EXPECT_EQ(Copy(ring, 70, 4)[0], 4);
  EXPECT_TRUE(std::isnan(Copy(ring, 70, 4)[1]));
  ring.Set(60, 6);
  EXPECT_EQ(Copy(ring, 70, 4)[2], 6);
  ring.Set(10, 1);  // too old: ignored
  EXPECT_EQ(Copy(ring, 70, 4)[3], 7);
  ring.Set(1000, 9);
  EXPECT_EQ(Copy(ring, 1000, 1)[0], 9);
  EXPECT_TRUE(std::isnan(Copy(ring, 990, 1)[0]));
}

}  // namespace
}  // namespace auspex
