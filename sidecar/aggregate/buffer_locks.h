// The locks of the series' buffers.
#pragma once

#include <array>
#include <cstddef>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "sidecar/aggregate/router.h"

namespace auspex {

// Series of one stripe share a lock; those that were met one after the other share a stripe.
inline constexpr size_t kStripes = 64;
inline constexpr SeriesIndex kStripeRun = 64;

struct Stripe {
  alignas(64) absl::Mutex mu;
};
using Stripes = std::array<Stripe, kStripes>;

// Holds the lock of one series after the other; changes it only where the stripe changes.
class StripeHold {
 public:
  explicit StripeHold(Stripes& stripes) : stripes_(stripes) {}
  ~StripeHold() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (held_ != nullptr) held_->Unlock();
  }
  StripeHold(const StripeHold&) = delete;
  StripeHold& operator=(const StripeHold&) = delete;

  void Hold(SeriesIndex series) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    absl::Mutex* mu = &stripes_[series / kStripeRun % kStripes].mu;
    if (mu == held_) return;
    if (held_ != nullptr) held_->Unlock();
    mu->Lock();
    held_ = mu;
  }

 private:
  Stripes& stripes_;
  absl::Mutex* held_ = nullptr;
};

}  // namespace auspex
