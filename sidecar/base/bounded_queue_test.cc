#include "sidecar/base/bounded_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace auspex {
namespace {

TEST(BoundedQueueTest, FirstInFirstOutAndRefusesWhenFull) {
  BoundedQueue<std::unique_ptr<int>> queue(2);
  EXPECT_TRUE(queue.TryPush(std::make_unique<int>(1)));
  EXPECT_TRUE(queue.TryPush(std::make_unique<int>(2)));
  auto refused = std::make_unique<int>(3);
  EXPECT_FALSE(queue.TryPush(std::move(refused)));
  ASSERT_NE(refused, nullptr) << "a refused item stays with the caller";
  EXPECT_EQ(queue.size(), 2u);
  EXPECT_EQ(**queue.Pop(), 1);
  EXPECT_TRUE(queue.TryPush(std::move(refused)));
  EXPECT_EQ(**queue.Pop(), 2);
  EXPECT_EQ(**queue.Pop(), 3);
  EXPECT_EQ(queue.size(), 0u);
}

TEST(BoundedQueueTest, PopForGivesUp) {
  BoundedQueue<int> queue(1);
  EXPECT_EQ(queue.PopFor(0), std::nullopt);
  EXPECT_EQ(queue.PopFor(1), std::nullopt);
  queue.TryPush(7);
  EXPECT_EQ(queue.PopFor(0), 7);
}

TEST(BoundedQueueTest, StopDrainsAndWakesThoseWhoWait) {
  BoundedQueue<int> queue(4);
  queue.TryPush(1);
  std::vector<int> taken;
  std::thread consumer([&] {
    while (const std::optional<int> item = queue.Pop()) taken.push_back(*item);
  });
  queue.TryPush(2);
  queue.Stop();
  consumer.join();
  EXPECT_EQ(taken, (std::vector<int>{1, 2}));
  EXPECT_FALSE(queue.TryPush(3));
  EXPECT_EQ(queue.Pop(), std::nullopt);
}

TEST(BoundedQueueTest, NothingIsLostOrDoubledBetweenThreads) {
  constexpr int kProducers = 3;
  constexpr int kEach = 2000;
  BoundedQueue<int> queue(16);
  std::vector<std::thread> producers;
  for (int p = 0; p < kProducers; ++p) {
    producers.emplace_back([&queue, p] {
      for (int i = 0; i < kEach; ++i) {
        while (!queue.TryPush(p * kEach + i)) std::this_thread::yield();
      }
    });
  }
  std::vector<int> seen(kProducers * kEach, 0);
  for (int i = 0; i < kProducers * kEach; ++i) ++seen[static_cast<size_t>(*queue.Pop())];
  for (std::thread& producer : producers) producer.join();
  EXPECT_EQ(seen, std::vector<int>(kProducers * kEach, 1));
}

}  // namespace
}  // namespace auspex
