#include "sidecar/ledger/interval_factor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "sidecar/core/calibration.h"

namespace auspex {
namespace {

// The share of misses of the 80 % interval over `steps` observations, in which the truth spreads
// `wider` times as much as the model says, normally. `factor` follows them.
double MissedShare(IntervalFactor& factor, double wider, int steps, uint64_t seed) {
  constexpr double kEdge = 1.2816;
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  int missed = 0;
  for (int i = 0; i < steps; ++i) {
    const bool miss = wider * std::abs(normal(random)) > kEdge * factor.factor();
    missed += miss ? 1 : 0;
    factor.Update(miss ? 1 : 0, 0.2, 1);
  }
  return static_cast<double>(missed) / steps;
}

TEST(IntervalFactorTest, StartsWithTheModelsWord) { EXPECT_EQ(IntervalFactor().factor(), 1); }

TEST(IntervalFactorTest, FindsTheFactorAndFollowsIt) {
  IntervalFactor factor;
  MissedShare(factor, 2, 2000, 1);
  EXPECT_NEAR(MissedShare(factor, 2, 5000, 2), 0.2, 0.015);
  EXPECT_NEAR(factor.factor(), 2, 0.8);
  MissedShare(factor, 0.5, 200, 3);  // the world has changed
  EXPECT_NEAR(MissedShare(factor, 0.5, 5000, 4), 0.2, 0.015);
  EXPECT_NEAR(factor.factor(), 0.5, 0.3);
}

TEST(IntervalFactorTest, OneBadDayIsNoDoubling) {
  IntervalFactor factor;
  factor.Update(1, 0.2, 1);
  EXPECT_GT(factor.factor(), 1.1);
  EXPECT_LT(factor.factor(), 1.3);
}

TEST(IntervalFactorTest, StaysWithinBounds) {
  IntervalFactor factor;
  for (int i = 0; i < 1000; ++i) factor.Update(1, 0.1, 1);
  EXPECT_NEAR(factor.factor(), kFactorMax, 1e-5);
  for (int i = 0; i < 1000; ++i) factor.Update(0, 0.1, 1);
  EXPECT_NEAR(factor.factor(), kFactorMin, 1e-5);
}

TEST(IntervalFactorTest, PartsOfAnObservationMakeOne) {
  IntervalFactor whole;
  IntervalFactor parts;
  whole.Update(0.3, 0.1, 1);
  for (int i = 0; i < 100; ++i) parts.Update(0.3, 0.1, 0.01);
  EXPECT_NEAR(parts.factor(), whole.factor(), 1e-5);
}

}  // namespace
}  // namespace auspex
