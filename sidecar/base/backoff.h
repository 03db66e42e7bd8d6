// How long to wait before the next attempt.
#pragma once

#include <cstdint>
#include <random>

namespace auspex {

// Exponential backoff with full jitter: the n-th wait is uniform in [1, min(max, min * 2^n)]
// milliseconds, which spreads senders that failed together better than any narrower jitter
// (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). Not thread-safe.
class Backoff {
 public:
  // REQUIRES: 0 < min_ms <= max_ms. Equal seeds give equal waits.
  Backoff(int64_t min_ms, int64_t max_ms, uint64_t seed);

  // The next wait; its ceiling doubles with each call, up to max_ms.
  int64_t NextMs();
  // After a success: the next wait is short again.
  void Reset();

 private:
  const int64_t min_ms_;
  const int64_t max_ms_;
  int64_t ceiling_ms_;
  std::mt19937_64 random_;
};

}  // namespace auspex
