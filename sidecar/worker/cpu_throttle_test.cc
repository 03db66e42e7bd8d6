#include "sidecar/worker/cpu_throttle.h"

#include <algorithm>
#include <tuple>

#include "gtest/gtest.h"

namespace auspex {
namespace {

// A process of some threads, which all take part in every piece of work, on a fake clock.
class CpuThrottleTest : public ::testing::Test {
 protected:
  CpuClocks Clocks() {
    return {.wall = [this] { return wall_; },
            .cpu = [this] { return cpu_; },
            .sleep =
                [this](double seconds) {
                  wall_ += seconds;
                  longest_rest_ = std::max(longest_rest_, seconds);
                }};
  }
  void Work(double seconds, int threads) {
    wall_ += seconds;
    cpu_ += seconds * threads;
  }
  static bool Never() { return false; }

  double wall_ = 1000;
  double cpu_ = 50;  // of what came before
  double longest_rest_ = 0;
};

TEST_F(CpuThrottleTest, HoldsTheShare) {
  for (const auto& [processors, threads, piece] :
       {std::tuple{0.5, 2, 0.03}, {0.25, 1, 0.003}, {0.8, 16, 0.2}, {1.5, 2, 0.01}}) {
    CpuThrottle throttle(processors, Clocks());
    const double wall = wall_, cpu = cpu_;
    while (wall_ - wall < 100) {
      Work(piece, threads);
      ASSERT_TRUE(throttle.Pace(Never));
    }
    EXPECT_NEAR((cpu_ - cpu) / (wall_ - wall), processors, 0.01 * processors)
        << threads << " threads";
  }
}

TEST_F(CpuThrottleTest, NeverRestsBelowTheShare) {
  CpuThrottle throttle(2, Clocks());
  for (int i = 0; i < 1000; ++i) {
    Work(0.01, 2);
    ASSERT_TRUE(throttle.Pace(Never));
  }
  EXPECT_EQ(longest_rest_, 0);
}

TEST_F(CpuThrottleTest, APauseDoesNotPayForABurst) {
  CpuThrottle throttle(0.5, Clocks());
  wall_ += 3600;  // nothing to do
  ASSERT_TRUE(throttle.Pace(Never));
  const double wall = wall_, cpu = cpu_;
  while (wall_ - wall < 10) {
    Work(0.01, 2);
    ASSERT_TRUE(throttle.Pace(Never));
  }
  EXPECT_NEAR((cpu_ - cpu) / (wall_ - wall), 0.5, 0.02);
}

TEST_F(CpuThrottleTest, ACancelledJobDoesNotRestToTheEnd) {
  CpuThrottle throttle(0.01, Clocks());
  Work(10, 1);  // a thousand seconds of rest
  int polls = 0;
  EXPECT_FALSE(throttle.Pace([&polls] { return ++polls > 3; }));
  EXPECT_LE(longest_rest_, 0.1);
}

}  // namespace
}  // namespace auspex
