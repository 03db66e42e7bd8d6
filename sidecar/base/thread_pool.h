// A fixed number of threads for loops whose turns are independent.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace auspex {

struct ThreadPoolOptions {
  std::string name = "pool";  // of the threads
  int threads = 1;            // at least 1
  int nice = 0;               // added priority value: 19 yields to everything else
};

// Thread-safe: loops of several callers run one after the other, with no idle thread between.
class ThreadPool {
 public:
  explicit ThreadPool(const ThreadPoolOptions& options);
  // REQUIRES: no ParallelFor is running.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Runs body(i) for every i in [0, n) on the pool's threads, in any order; returns when all are
  // done. The caller waits and does not work itself. REQUIRES: not called from a body.
  void ParallelFor(size_t n, const std::function<void(size_t)>& body);

  size_t threads() const { return threads_.size(); }

 private:
  struct Loop;

  void Work(const ThreadPoolOptions& options);
  // The oldest loop with turns left, or null when the pool stops.
  std::shared_ptr<Loop> NextLoop();
  void Forget(const std::shared_ptr<Loop>& loop);
  bool Ready() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return stopping_ || !loops_.empty(); }

  absl::Mutex mu_;
  std::deque<std::shared_ptr<Loop>> loops_ ABSL_GUARDED_BY(mu_);  // at most one per caller
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace auspex
