#include "model/eval/interval_coverage.h"

#include <array>
#include <cmath>
#include <random>

#include "gtest/gtest.h"

namespace auspex::model {
namespace {

constexpr size_t kMedian = 1;
constexpr float kElsewhere = -99;  // a last value that no quantile is

// `count` truths at `truth`, of a forecast of 8 in 10 to 14 around 10.
void Add(int count, float truth, IntervalCoverage* coverage, float last = kElsewhere) {
  const std::array<float, 3> quantiles = {8, 10, 14};
  for (int i = 0; i < count; ++i) coverage->Add(truth, quantiles, kMedian, last);
}

TEST(IntervalCoverageTest, EnoughTruthsInsideNeedNoFactor) {
  IntervalCoverage coverage;
  Add(40, 8, &coverage);
  Add(40, 14, &coverage);
  Add(20, 30, &coverage);
  EXPECT_EQ(coverage.truths(), 100U);
  EXPECT_EQ(coverage.Factor(0.8), 1);
}

TEST(IntervalCoverageTest, IsNeverNarrower) {
  IntervalCoverage coverage;
  Add(100, 10, &coverage);
  EXPECT_EQ(coverage.Factor(0.8), 1);
}

TEST(IntervalCoverageTest, HoldsTheShareWithTheSmallestStep) {
  IntervalCoverage coverage;
  Add(70, 10, &coverage);
  Add(9, 7.0F, &coverage);   // 3 away where 2 are held
  Add(1, 15.9F, &coverage);  // 5.9 away where 4 are
  Add(20, 99, &coverage);
  const double factor = coverage.Factor(0.8);
  EXPECT_GE(factor * 2, 3);
  EXPECT_LT(factor * 2, 3 * 1.05);
  EXPECT_EQ(coverage.Factor(0.7), 1);
  EXPECT_EQ(coverage.Factor(0.9), IntervalCoverage::kFactorMax);
}

TEST(IntervalCoverageTest, NoChangeDoesNotMove) {
  IntervalCoverage coverage;
  Add(75, 10, &coverage);
  Add(25, 7, &coverage, /*last=*/8);
  EXPECT_EQ(coverage.Factor(0.8), IntervalCoverage::kFactorMax);
  EXPECT_EQ(coverage.Factor(0.75), 1);
}

TEST(IntervalCoverageTest, AnExactMedianHasNoWidthToStretch) {
  IntervalCoverage coverage;
  const std::array<float, 3> point = {10, 10, 10};
  for (int i = 0; i < 100; ++i) coverage.Add(i < 80 ? 10 : 11, point, kMedian, kElsewhere);
  EXPECT_EQ(coverage.Factor(0.8), 1);
  const std::array<float, 1> median = {10};
  for (int i = 0; i < 100; ++i) coverage.Add(11, median, 0, kElsewhere);
  EXPECT_EQ(coverage.Factor(0), 1);
}

TEST(IntervalCoverageTest, FewTruthsSayNothing) {
  IntervalCoverage coverage;
  EXPECT_EQ(coverage.Factor(0.8), 1);
  Add(99, 30, &coverage);
  EXPECT_EQ(coverage.Factor(0.8), 1);
  Add(1, 30, &coverage);
  EXPECT_EQ(coverage.Factor(0.8), IntervalCoverage::kFactorMax);
}

TEST(IntervalCoverageTest, AddsUp) {
  IntervalCoverage one, other, both;
  Add(60, 10, &one);
  Add(60, 10, &both);
  Add(60, 6.5F, &other);
  Add(60, 6.5F, &both);
  one.Add(other);
  EXPECT_EQ(one.truths(), 120U);
  EXPECT_EQ(one.Factor(0.8), both.Factor(0.8));
}

// What it is for: with the factor, a normal forecast that is too sure of itself is calibrated.
TEST(IntervalCoverageTest, CalibratesANormalForecast) {
  constexpr double kTooNarrow = 0.7;
  constexpr double kNormal90 = 1.2816;
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  IntervalCoverage coverage;
  const auto reach = static_cast<float>(kTooNarrow * kNormal90);
  const std::array<float, 3> quantiles = {-reach, 0, reach};
  for (int i = 0; i < 10'000; ++i) {
    coverage.Add(static_cast<float>(normal(random)), quantiles, kMedian, kElsewhere);
  }
  EXPECT_NEAR(coverage.Factor(0.8), 1 / kTooNarrow, 0.08);
}

}  // namespace
}  // namespace auspex::model
