#include "sidecar/base/thread_pool.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "absl/synchronization/notification.h"
#include "sidecar/base/thread_name.h"

namespace auspex {

// Shared by the caller and the threads: a thread may look at `next` after the caller has left, but
// calls `body` only for turns that the caller still waits for.
struct ThreadPool::Loop {
  Loop(size_t n, const std::function<void(size_t)>& b) : turns(n), body(b), left(n) {}

  const size_t turns;
  const std::function<void(size_t)>& body;
  std::atomic<size_t> next{0};
  std::atomic<size_t> left;
  absl::Notification done;
};

ThreadPool::ThreadPool(const ThreadPoolOptions& options) {
  const int count = std::max(options.threads, 1);
  for (int i = 0; i < count; ++i) threads_.emplace_back([this, options] { Work(options); });
}

ThreadPool::~ThreadPool() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::ParallelFor(size_t n, const std::function<void(size_t)>& body) {
  if (n == 0) return;
  const auto loop = std::make_shared<Loop>(n, body);
  {
    absl::MutexLock lock(&mu_);
    loops_.push_back(loop);
  }
  loop->done.WaitForNotification();
}

void ThreadPool::Work(const ThreadPoolOptions& options) {
  SetThreadName(options.name);
  // On Linux the priority belongs to the thread. A refusal (a negative value without privilege)
  // leaves it as it was, which costs speed only.
  if (options.nice != 0) {
    setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), options.nice);
  }
  while (const std::shared_ptr<Loop> loop = NextLoop()) {
    for (size_t i = loop->next++; i < loop->turns; i = loop->next++) {
      loop->body(i);
      if (--loop->left == 0) loop->done.Notify();
    }
    Forget(loop);
  }
}

std::shared_ptr<ThreadPool::Loop> ThreadPool::NextLoop() {
  absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(this, &ThreadPool::Ready));
  return loops_.empty() ? nullptr : loops_.front();
}

void ThreadPool::Forget(const std::shared_ptr<Loop>& loop) {
  absl::MutexLock lock(&mu_);
  std::erase(loops_, loop);
}

}  // namespace auspex
