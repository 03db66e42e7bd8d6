#include "sidecar/base/thread_pool.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace auspex {
namespace {

TEST(ThreadPoolTest, EveryTurnRunsOnce) {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool({.threads = threads});
    EXPECT_EQ(pool.threads(), static_cast<size_t>(threads));
    for (const size_t n : {0u, 1u, 3u, 1000u}) {
      std::vector<std::atomic<int>> turns(n);
      pool.ParallelFor(n, [&](size_t i) { ++turns[i]; });
      for (const auto& count : turns) EXPECT_EQ(count, 1);
    }
  }
}

TEST(ThreadPoolTest, LoopsOfManyCallersAllFinish) {
  ThreadPool pool({.threads = 2});
  std::atomic<int> total{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      for (int i = 0; i < 50; ++i) pool.ParallelFor(7, [&](size_t) { ++total; });
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(total, 4 * 50 * 7);
}

TEST(ThreadPoolTest, TurnsRunInParallel) {
  // Each turn waits until the other has begun: this ends only with two threads at work.
  ThreadPool pool({.threads = 2});
  std::atomic<int> begun{0};
  pool.ParallelFor(2, [&](size_t) {
    ++begun;
    while (begun < 2) std::this_thread::yield();
  });
  EXPECT_EQ(begun, 2);
}

TEST(ThreadPoolTest, ThreadsCarryNameAndPriority) {
  ThreadPool pool({.name = "a-rather-long-name", .threads = 1, .nice = 7});
  std::array<char, 16> name{};
  int priority = 0;
  pool.ParallelFor(1, [&](size_t) {
    pthread_getname_np(pthread_self(), name.data(), name.size());
    priority = getpriority(PRIO_PROCESS, static_cast<id_t>(gettid()));
  });
  EXPECT_EQ(std::string(name.data()), "a-rather-long-n");
  EXPECT_EQ(priority, 7);
}

}  // namespace
}  // namespace auspex
