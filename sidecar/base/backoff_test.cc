#include "sidecar/base/backoff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

namespace auspex {
namespace {

// The largest and smallest n-th wait over many seeds.
struct Range {
  int64_t low;
  int64_t high;
};
Range NthWait(int n, int64_t min_ms, int64_t max_ms) {
  Range range{INT64_MAX, 0};
  for (uint64_t seed = 0; seed < 500; ++seed) {
    Backoff backoff(min_ms, max_ms, seed);
    int64_t wait = 0;
    for (int i = 0; i <= n; ++i) wait = backoff.NextMs();
    range = {std::min(range.low, wait), std::max(range.high, wait)};
  }
  return range;
}

TEST(BackoffTest, TheCeilingDoublesUpToTheCapAndTheJitterIsFull) {
  const int64_t ceilings[] = {100, 200, 400, 800, 1000, 1000};
  for (int n = 0; n < 6; ++n) {
    const Range range = NthWait(n, 100, 1000);
    EXPECT_GE(range.low, 1);
    EXPECT_LE(range.high, ceilings[n]);
    EXPECT_LT(range.low, ceilings[n] / 10) << n;
    EXPECT_GT(range.high, ceilings[n] * 9 / 10) << n;
  }
}

TEST(BackoffTest, ResetStartsAgain) {
  Backoff backoff(10, 10'000'000, 1);
  for (int i = 0; i < 20; ++i) backoff.NextMs();
  backoff.Reset();
  EXPECT_LE(backoff.NextMs(), 10);
}

TEST(BackoffTest, HugeCapsDoNotOverflow) {
  Backoff backoff(1, INT64_MAX, 1);
  for (int i = 0; i < 100; ++i) EXPECT_GE(backoff.NextMs(), 1);
}

}  // namespace
}  // namespace auspex
