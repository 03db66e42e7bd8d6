// Ends a job that was cancelled, fell silent, runs for too long, or lost its trainer.
#pragma once

#include <chrono>
#include <functional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "sidecar/base/thread.h"
#include "sidecar/core/sample.h"

namespace auspex {

struct JobLimits {
  DurationMs silence_max_ms = kMinute;  // without any sign of life
  DurationMs run_max_ms = kHour;        // for the whole job
};

// Watches on a thread of its own until it is destroyed. Thread-safe.
class JobWatchdog {
 public:
  using Check = std::function<absl::Status()>;

  // `check` is polled on the watchdog's thread; an error ends the job with it. `end_job` is then
  // called once.
  JobWatchdog(JobLimits limits, Check check, std::function<void()> end_job);
  ~JobWatchdog();

  // A sign of life.
  void Touch();
  // Stops watching. OK, or why the job was ended.
  absl::Status Stop();

 private:
  using Time = std::chrono::steady_clock::time_point;

  void Watch();
  absl::Status Judge(Time now) const;

  const JobLimits limits_;
  const Check check_;
  const std::function<void()> end_job_;
  const Time started_at_;
  mutable absl::Mutex mu_;
  Time touched_at_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status verdict_ ABSL_GUARDED_BY(mu_);
  Thread thread_;  // last: it uses all of the above
};

}  // namespace auspex
