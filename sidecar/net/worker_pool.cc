#include "sidecar/net/worker_pool.h"

#include <optional>
#include <utility>

#include "sidecar/net/net_metrics.h"

namespace auspex {

WorkerPool::WorkerPool(int threads, size_t queue_max, prometheus::Gauge& queue_gauge)
    : queue_gauge_(queue_gauge), jobs_(queue_max) {
  threads_.reserve(static_cast<size_t>(threads));
  for (int i = 0; i < threads; ++i) threads_.emplace_back("http-worker", [this] { Work(); });
}

WorkerPool::~WorkerPool() { Stop(); }

bool WorkerPool::TryRun(std::function<void()> job) {
  // Counted before it can be taken, so that the gauge never falls below zero.
  queue_gauge_.Increment();
  if (jobs_.TryPush(std::move(job))) return true;
  queue_gauge_.Decrement();
  return false;
}

void WorkerPool::Stop() {
  jobs_.Stop();
  for (Thread& thread : threads_) thread.Join();
}

void WorkerPool::Work() {
  while (const std::optional<std::function<void()>> job = jobs_.Pop()) {
    queue_gauge_.Decrement();
    (*job)();
  }
}

}  // namespace auspex
