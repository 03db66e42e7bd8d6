#include "sidecar/ledger/outcome.h"

#include <gtest/gtest.h>

#include <vector>

namespace auspex {
namespace {

const std::vector<double> kLevels = {0.1, 0.5, 0.9};

Outcome Told(std::vector<float> quantiles, double truth) {
  return {.aggregate = AggregateId{1},
          .quantiles = std::move(quantiles),
          .truth = truth,
          .last_value = 100,
          .naive = 14,
          .seasonal_change = 2};
}

TEST(OutcomeTest, LossesAreInUnitsOfTheSeasonalChange) {
  const Losses losses = LossesOf(Told({8, 10, 12}, 11), kLevels);
  EXPECT_EQ(losses.inside, 1);
  EXPECT_EQ(losses.error, 0.5);
  EXPECT_EQ(losses.naive_error, 1.5);
  EXPECT_EQ(losses.bias, -0.5);
  // 0.1 * 3, 0.5 * 1 and 0.1 * 1 over three levels, twice, in units of 2.
  EXPECT_NEAR(losses.pinball, 2 * 0.9 / 3 / 2, 1e-12);
  EXPECT_EQ(LossesOf(Told({8, 10, 12}, 12), kLevels).inside, 1);  // the edge is inside
  EXPECT_EQ(LossesOf(Told({8, 10, 12}, 12.1), kLevels).inside, 0);
}

TEST(OutcomeTest, WithoutAScaleOnlyCoverageIsKnown) {
  Outcome constant = Told({8, 10, 12}, 11);
  constant.seasonal_change = 0;
  EXPECT_EQ(LossesOf(constant, kLevels).inside, 1);
  EXPECT_TRUE(IsMissing(LossesOf(constant, kLevels).error));
  constant.seasonal_change = Missing();
  EXPECT_TRUE(IsMissing(LossesOf(constant, kLevels).pinball));
  const double median[] = {0.5};
  EXPECT_TRUE(IsMissing(LossesOf(Told({10}, 11), median).inside));
}

TEST(OutcomeTest, MeansAreOverWhatThereIs) {
  const Losses losses[] = {{.inside = 1, .error = 3}, {.inside = 0}, {}};
  EXPECT_EQ(MeanLosses(losses).inside, 0.5);
  EXPECT_EQ(MeanLosses(losses).error, 3);
  EXPECT_TRUE(IsMissing(MeanLosses(losses).bias));
}

OutcomeBatch Batch(double factor, std::vector<Outcome> outcomes) {
  return {.lead_ms = kHour,
          .target_ms = kDay,
          .levels = kLevels,
          .factor = factor,
          .outcomes = std::move(outcomes)};
}

TEST(OutcomeTest, CountsMissesAsIfIssuedWithAnotherFactor) {
  // Issued twice as wide as the model said: its own quantiles were 9 and 11.
  const OutcomeBatch batch = Batch(2, {Told({8, 10, 12}, 7.5), Told({8, 10, 12}, 8.5),
                                       Told({8, 10, 12}, 12.5), Told({8, 10, 12}, 10.5)});
  EXPECT_NEAR(MissesAt(batch, 1).missed, 0.75, 1e-12);
  EXPECT_NEAR(MissesAt(batch, 2).missed, 0.5, 1e-12);
  EXPECT_NEAR(MissesAt(batch, 2.5).missed, 0, 1e-12);  // the edges hold
  EXPECT_NEAR(MissesAt(batch, 1).nominal, 0.2, 1e-12);
}

TEST(OutcomeTest, ExactAnswersAreNoIntervals) {
  const Outcome same = Told({100, 100, 104}, 99);  // "no change", and it did
  Outcome empty = Told({0, 3, 5}, 6);
  empty.never_negative = true;
  EXPECT_NEAR(MissesAt(Batch(1, {same, empty}), 1).missed, 0.5, 1e-12);
  EXPECT_NEAR(MissesAt(Batch(1, {same, empty}), 1).nominal, 0.1, 1e-12);
  const OutcomeBatch exact = Batch(1, {Told({100, 100, 100}, 99)});
  EXPECT_EQ(MissesAt(exact, 1).nominal, 0);
}

}  // namespace
}  // namespace auspex
