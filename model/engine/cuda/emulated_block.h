// A block of device threads on the host, for tests: one thread after the other, from barrier to
// barrier. Exact, because in a phase no thread reads what another writes in it; that this is so
// shows in another order of the threads giving the same bits.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "gtest/gtest.h"

namespace auspex::model {

enum class ThreadOrder { kForward, kBackward, kInterleaved };

class EmulatedBlock {
 public:
  // Shared memory holds NaN, as nothing may be read before it was written.
  EmulatedBlock(int threads, int shared_floats, ThreadOrder order)
      : shared_floats_(static_cast<size_t>(shared_floats)),
        memory_(shared_floats_ + 2 * kGuard, std::numeric_limits<float>::quiet_NaN()) {
    for (int i = 0; i < threads; ++i) order_.push_back(i);
    if (order == ThreadOrder::kBackward) std::reverse(order_.begin(), order_.end());
    if (order == ThreadOrder::kInterleaved) {
      std::stable_partition(order_.begin(), order_.end(), [](int thread) { return thread % 3; });
    }
    void* begin = memory_.data();
    size_t space = memory_.size() * sizeof(float);
    shared_ = static_cast<float*>(
        std::align(16, (shared_floats_ + kGuard) * sizeof(float), begin, space));
    std::fill_n(shared_ + shared_floats_, kGuard, kGuardValue);
  }
  EmulatedBlock(const EmulatedBlock&) = delete;
  EmulatedBlock& operator=(const EmulatedBlock&) = delete;
  ~EmulatedBlock() {
    for (float value : std::span(shared_ + shared_floats_, kGuard)) {
      EXPECT_EQ(value, kGuardValue) << "written behind the shared memory";
    }
  }

  int threads() const { return static_cast<int>(order_.size()); }
  float* shared() { return shared_; }

  template <class Body>
  void Each(const Body& body) {
    for (int thread : order_) body(thread);
  }

  template <class T>
  class PerThread {
   public:
    explicit PerThread(EmulatedBlock& block) : values_(static_cast<size_t>(block.threads())) {}
    T& operator[](int thread) { return values_[static_cast<size_t>(thread)]; }

   private:
    std::vector<T> values_;
  };

 private:
  static constexpr size_t kGuard = 8;
  static constexpr float kGuardValue = 12345.0F;

  const size_t shared_floats_;
  std::vector<float> memory_;
  float* shared_;
  std::vector<int> order_;
};

}  // namespace auspex::model
