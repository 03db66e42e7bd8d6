// The threads that run HTTP handlers, behind a bounded queue.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "sidecar/base/bounded_queue.h"
#include "sidecar/base/thread.h"

namespace prometheus {
class Gauge;
}

namespace auspex {

// Thread-safe.
class WorkerPool {
 public:
  // `queue_gauge` shows the jobs that wait; it must outlive the pool.
  WorkerPool(int threads, size_t queue_max, prometheus::Gauge& queue_gauge);
  ~WorkerPool();  // stops

  // Queues a job. False when the queue is full or the pool is stopping.
  bool TryRun(std::function<void()> job);
  // Runs what is queued, then ends the threads. REQUIRES: not called from a job.
  void Stop();

 private:
  void Work();

  prometheus::Gauge& queue_gauge_;
  BoundedQueue<std::function<void()>> jobs_;
  std::vector<Thread> threads_;
};

}  // namespace auspex
