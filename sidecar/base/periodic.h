// A thread that does a piece of work again and again until it is stopped.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace auspex {

// Runs `work` at once and then `period_ms` after each end, or earlier when woken. `work` gets a
// flag that turns true when it should come to an end soon. Thread-safe.
class Periodic {
 public:
  using Work = std::function<void(const std::atomic<bool>& stopping)>;

  Periodic(std::string name, int64_t period_ms, Work work);
  ~Periodic();  // stops

  void Start();
  // Runs the work again soon, without waiting for the period.
  void Wake();
  // Tells running work to stop, waits for it, joins. Idempotent.
  void Stop();

 private:
  void Run();

  const std::string name_;
  const int64_t period_ms_;
  const Work work_;
  std::atomic<bool> stopping_{false};
  absl::Mutex mu_;
  bool woken_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace auspex
