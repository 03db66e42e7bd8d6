#include "sidecar/trainer/job_watchdog.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "sidecar/core/duration.h"

namespace auspex {
namespace {

using Clock = std::chrono::steady_clock;

// How soon a dead trainer or a cancellation is noticed.
constexpr absl::Duration kPoll = absl::Milliseconds(50);

}  // namespace

JobWatchdog::JobWatchdog(JobLimits limits, Check check, std::function<void()> end_job)
    : limits_(limits),
      check_(std::move(check)),
      end_job_(std::move(end_job)),
      started_at_(Clock::now()),
      touched_at_(started_at_),
      thread_("train-watch", [this] { Watch(); }) {}

JobWatchdog::~JobWatchdog() { (void)Stop(); }

void JobWatchdog::Touch() {
  absl::MutexLock lock(&mu_);
  touched_at_ = Clock::now();
}

absl::Status JobWatchdog::Stop() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  thread_.Join();
  absl::MutexLock lock(&mu_);
  return verdict_;
}

absl::Status JobWatchdog::Judge(Time now) const {
  if (absl::Status status = check_(); !status.ok()) return status;
  if (now - started_at_ > std::chrono::milliseconds(limits_.run_max_ms)) {
    return absl::DeadlineExceededError(
        absl::StrCat("the job ran longer than ", FormatDuration(limits_.run_max_ms)));
  }
  absl::MutexLock lock(&mu_);
  if (now - touched_at_ > std::chrono::milliseconds(limits_.silence_max_ms)) {
    return absl::DeadlineExceededError(
        absl::StrCat("the trainer was silent for ", FormatDuration(limits_.silence_max_ms)));
  }
  return absl::OkStatus();
}

void JobWatchdog::Watch() {
  while (true) {
    absl::Status verdict = Judge(Clock::now());
    absl::MutexLock lock(&mu_);
    if (!verdict.ok()) {
      verdict_ = std::move(verdict);
      end_job_();
      return;
    }
    if (mu_.AwaitWithTimeout(absl::Condition(&stopping_), kPoll)) return;
  }
}

}  // namespace auspex
