#include "sidecar/base/backoff.h"

namespace auspex {

Backoff::Backoff(int64_t min_ms, int64_t max_ms, uint64_t seed)
    : min_ms_(min_ms), max_ms_(max_ms), ceiling_ms_(min_ms), random_(seed) {}

int64_t Backoff::NextMs() {
  const int64_t wait_ms = std::uniform_int_distribution<int64_t>(1, ceiling_ms_)(random_);
  ceiling_ms_ = ceiling_ms_ > max_ms_ / 2 ? max_ms_ : ceiling_ms_ * 2;
  return wait_ms;
}

void Backoff::Reset() { ceiling_ms_ = min_ms_; }

}  // namespace auspex
