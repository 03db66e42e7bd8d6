#include "sidecar/base/periodic.h"

#include <gtest/gtest.h>

#include <atomic>

#include "absl/synchronization/notification.h"

namespace auspex {
namespace {

constexpr int64_t kNeverMs = 3'600'000;

TEST(PeriodicTest, WorksAtOnceAndAgainWhenWoken) {
  std::atomic<int> runs{0};
  absl::Notification first;
  absl::Notification second;
  Periodic periodic("test", kNeverMs, [&](const std::atomic<bool>&) {
    const int run = ++runs;
    if (run == 1) first.Notify();
    if (run == 2) second.Notify();
  });
  periodic.Start();
  first.WaitForNotification();
  periodic.Wake();
  second.WaitForNotification();
  periodic.Stop();
  EXPECT_EQ(runs, 2);
}

TEST(PeriodicTest, StopReachesRunningWork) {
  absl::Notification started;
  bool saw_stop = false;
  Periodic periodic("test", kNeverMs, [&](const std::atomic<bool>& stopping) {
    started.Notify();
    while (!stopping) {
    }
    saw_stop = true;
  });
  periodic.Start();
  started.WaitForNotification();
  periodic.Stop();
  periodic.Stop();
  EXPECT_TRUE(saw_stop);
}

}  // namespace
}  // namespace auspex
