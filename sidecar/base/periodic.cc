#include "sidecar/base/periodic.h"

#include <pthread.h>

#include <utility>

#include "absl/time/time.h"

namespace auspex {

Periodic::Periodic(std::string name, int64_t period_ms, Work work)
    : name_(std::move(name)), period_ms_(period_ms), work_(std::move(work)) {}

Periodic::~Periodic() { Stop(); }

void Periodic::Start() {
  thread_ = std::thread([this] { Run(); });
  // The kernel keeps 15 characters of a thread's name.
  pthread_setname_np(thread_.native_handle(), name_.substr(0, 15).c_str());
}

void Periodic::Wake() {
  absl::MutexLock lock(&mu_);
  woken_ = true;
}

void Periodic::Stop() {
  stopping_ = true;
  Wake();
  if (thread_.joinable()) thread_.join();
}

void Periodic::Run() {
  while (!stopping_) {
    work_(stopping_);
    absl::MutexLock lock(&mu_);
    mu_.AwaitWithTimeout(absl::Condition(&woken_), absl::Milliseconds(period_ms_));
    woken_ = false;
  }
}

}  // namespace auspex
