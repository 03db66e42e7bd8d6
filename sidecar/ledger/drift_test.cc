#include "sidecar/ledger/drift.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace auspex {
namespace {

constexpr DurationMs kBlock = 3 * kHour;

// Blocks of log-normal losses; a block's logarithm is correlated with the one before it.
class Losses {
 public:
  explicit Losses(uint64_t seed) : random_(seed) {}

  // Feeds `blocks` blocks whose losses are `times` as large as usual. The number of alarms.
  int Feed(DriftTest& test, int blocks, double times = 1) {
    constexpr double kCorrelation = 0.3;
    int alarms = 0;
    for (int i = 0; i < blocks; ++i, ++block_) {
      wave_ = kCorrelation * wave_ + std::sqrt(1 - kCorrelation * kCorrelation) * normal_(random_);
      for (int part = 0; part < 3; ++part) {
        const TimestampMs t = block_ * kBlock + part * kHour;
        alarms += test.Add(times * std::exp(0.3 * wave_), t, kBlock) ? 1 : 0;
      }
    }
    return alarms;
  }

 private:
  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
  double wave_ = 0;
  int64_t block_ = 1000;
};

TEST(DriftTestTest, FalseAlarmsAreRare) {
  // 100 rules over half a year each.
  int alarms = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    DriftTest test;
    alarms += Losses(seed).Feed(test, 8 * 183);
  }
  EXPECT_LE(alarms, 50);
}

TEST(DriftTestTest, ALossThatDoublesIsFoundWithinTwelveBlocks) {
  int found = 0;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    DriftTest test;
    Losses losses(seed);
    losses.Feed(test, 8 * 14);
    const TimestampMs before_ms = test.alarmed_at_ms();
    if (losses.Feed(test, 12, 2) == 0) continue;
    ++found;
    EXPECT_GT(test.alarmed_at_ms(), before_ms);
  }
  EXPECT_GE(found, 45);
}

TEST(DriftTestTest, OneBadBlockIsNoAlarm) {
  DriftTest test;
  Losses losses(3);
  losses.Feed(test, 8 * 14);
  EXPECT_EQ(losses.Feed(test, 1, 1e6), 0);
  EXPECT_EQ(losses.Feed(test, 1), 0);
  EXPECT_LE(test.score(), 5);
}

TEST(DriftTestTest, WithoutABandThereIsNothingToLeave) {
  DriftTest test;
  Losses losses(1);
  EXPECT_EQ(losses.Feed(test, 10), 0);
  EXPECT_FALSE(test.ready());
  EXPECT_EQ(losses.Feed(test, 10, 100), 0);
  losses.Feed(test, 10);
  EXPECT_TRUE(test.ready());
}

TEST(DriftTestTest, WhatNoLossCanBeIsLeftOut) {
  DriftTest test;
  EXPECT_FALSE(test.Add(Missing(), kDay, kBlock));
  EXPECT_FALSE(test.Add(0, kDay, kBlock));
  EXPECT_EQ(test.score(), 0);
}

}  // namespace
}  // namespace auspex
