#include "model/eval/publish_gate.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace auspex::model {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using enum GateCandidate;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kLongHistory = 30;

// Errors of one aggregate; blends are worse than either part unless a test says otherwise.
struct Errors {
  double base = 1, own = kNone, seasonal_naive = 1, last = 1, base_last = 9, own_last = kNone;
  operator AggregateErrors() const {  // NOLINT: only shortens the tables below
    const GateErrors errors = {
        base, own, seasonal_naive, last, 9, base_last, std::isnan(own) ? kNone : 9, own_last};
    return {.mean = errors, .typical = errors};
  }
};

AggregateErrors Unscored() {
  AggregateErrors errors;
  errors.mean.fill(kNone);
  errors.typical.fill(kNone);
  return errors;
}

GateDecision Choose(std::vector<AggregateErrors> errors, double days = kLongHistory) {
  return ChooseForecasts(errors, days);
}

TEST(PublishGateTest, NamesRoundTripAndBlendsSumToOne) {
  for (int i = 0; i < kGateCandidates; ++i) {
    const auto candidate = static_cast<GateCandidate>(i);
    EXPECT_EQ(ParseGateCandidate(GateCandidateName(candidate)), candidate);
    const Blend blend = BlendOf(candidate);
    EXPECT_EQ(blend.network + blend.seasonal_naive + blend.last, 1);
    EXPECT_EQ(UsesOwn(candidate), GateCandidateName(candidate).starts_with("own"));
  }
  EXPECT_EQ(GateCandidateName(kOwnSeasonalNaive), "own+seasonal_naive");
  EXPECT_EQ(BlendOf(kOwnLast), (Blend{0.5, 0, 0.5}));
  EXPECT_EQ(ParseGateCandidate("base+own"), std::nullopt);
}

TEST(PublishGateTest, RuleTakesTheSmallestGeometricMean) {
  // The arithmetic mean of base is the largest, its geometric mean the smallest.
  const GateDecision decision =
      Choose({Errors{.base = 0.01, .last = 0.5}, Errors{.base = 4, .last = 3.9}});
  EXPECT_EQ(decision.rule, kBase);
}

TEST(PublishGateTest, NetworkThatLosesToANaiveForecastIsNotServed) {
  EXPECT_EQ(Choose({Errors{.base = 0.9, .last = 0.8}}).rule, kLast);
  EXPECT_EQ(Choose({Errors{.base = 0.9, .seasonal_naive = 0.8}}).rule, kSeasonalNaive);
  EXPECT_EQ(Choose({Errors{.base = 0.8, .own = 0.8, .last = 0.8}}).rule, kLast);
  EXPECT_EQ(Choose({Errors{.base = 0.8, .base_last = 0.7}}).rule, kBaseLast);
}

TEST(PublishGateTest, NetworkMustBeBetterByItsMargin) {
  EXPECT_EQ(Choose({Errors{.base = 0.79, .last = 0.8}}).rule, kLast);
  EXPECT_EQ(Choose({Errors{.base = 0.77, .last = 0.8}}).rule, kBase);
  // Among networks the margin plays no part.
  EXPECT_EQ(Choose({Errors{.base = 0.770, .base_last = 0.769, .own_last = 9}}).rule, kBaseLast);
}

TEST(PublishGateTest, NetworkMustTypicallyBeBetterToo) {
  AggregateErrors steps = Errors{.base = 0.3, .last = 0.5, .base_last = 0.4};
  const AggregateErrors typical = Errors{.base = 0.2, .last = 0.1, .base_last = 0.09};
  steps.typical = typical.mean;
  EXPECT_EQ(Choose({steps}).rule, kBaseLast);
  steps.typical = AggregateErrors(Errors{.base = 0.2, .last = 0.1, .base_last = 0.1}).mean;
  EXPECT_EQ(Choose({steps}).rule, kLast);
}

TEST(PublishGateTest, OwnNetworksMustBeBetterByTheirMargin) {
  EXPECT_EQ(Choose({Errors{.base = 0.5, .own = 0.48}}).rule, kBase);
  EXPECT_EQ(Choose({Errors{.base = 0.5, .own = 0.47}}).rule, kOwn);
}

TEST(PublishGateTest, ErrorsBelowTheFloorAreEqual) {
  const GateDecision decision =
      Choose({Errors{.base = 1e-9, .last = 1e-4}, Errors{.base = 0.8, .last = 0.7}});
  EXPECT_EQ(decision.rule, kLast);
}

TEST(PublishGateTest, AggregateLeavesTheRuleBeyondTheMarginOnly) {
  const GateDecision decision =
      Choose({Errors{.base = 0.5}, Errors{.base = 0.5}, Errors{.base = 0.5, .seasonal_naive = 0.41},
              Errors{.base = 0.5, .seasonal_naive = 0.39}});
  EXPECT_EQ(decision.rule, kBase);
  EXPECT_THAT(decision.aggregates, ElementsAre(kBase, kBase, kBase, kSeasonalNaive));
}

TEST(PublishGateTest, LeaningOnTheLastValueTakesMore) {
  const GateDecision decision = Choose(
      {Errors{.base = 0.5}, Errors{.base = 0.5, .last = 0.33}, Errors{.base = 0.5, .last = 0.32},
       Errors{.base = 0.5, .base_last = 0.33}, Errors{.base = 0.5, .base_last = 0.32}});
  EXPECT_EQ(decision.rule, kBase);
  EXPECT_THAT(decision.aggregates, ElementsAre(kBase, kBase, kLast, kBase, kBaseLast));
}

TEST(PublishGateTest, LeaningLessOnTheLastValueDoesNot) {
  const GateDecision decision =
      Choose({Errors{.last = 0.1}, Errors{.last = 0.1}, Errors{.base = 0.41, .last = 0.5},
              Errors{.base = 0.39, .last = 0.5}, Errors{.last = 0.5, .base_last = 0.39}});
  EXPECT_EQ(decision.rule, kLast);
  EXPECT_THAT(decision.aggregates, ElementsAre(kLast, kLast, kLast, kBase, kBaseLast));
}

TEST(PublishGateTest, ShortHistoriesChooseEachForItself) {
  const std::vector<AggregateErrors> errors = {Errors{.base = 0.1},
                                               Errors{.base = 0.5, .last = 0.49}};
  EXPECT_THAT(Choose(errors, 0.5).aggregates, ElementsAre(kBase, kLast));
  EXPECT_THAT(Choose(errors, 4).aggregates, Each(kBase));
}

TEST(PublishGateTest, OwnServesOnlyAggregatesThatHaveIt) {
  const GateDecision decision =
      Choose({Errors{.base = 0.8, .own = 0.4}, Errors{.base = 0.8, .own = 0.4}, Errors{.base = 0.8},
              Errors{.base = 0.8, .last = 0.5}});
  EXPECT_EQ(decision.rule, kOwn);
  EXPECT_THAT(decision.aggregates, ElementsAre(kOwn, kOwn, kBase, kLast));
  const GateDecision blend =
      Choose({Errors{.own = 0.4, .own_last = 0.2}, Errors{.base = 0.9, .base_last = 0.95}});
  EXPECT_EQ(blend.rule, kOwnLast);
  EXPECT_THAT(blend.aggregates, ElementsAre(kOwnLast, kBaseLast));
}

TEST(PublishGateTest, AggregatesWithoutScoresTakeTheRulesChoice) {
  const AggregateErrors infinite = Errors{.base = std::numeric_limits<double>::infinity()};
  const GateDecision decision = Choose({Unscored(), Errors{.base = 0.5, .own = 0.2}, infinite});
  EXPECT_EQ(decision.rule, kOwn);
  EXPECT_THAT(decision.aggregates, ElementsAre(kBase, kOwn, kBase));
}

TEST(PublishGateTest, NothingToChooseFrom) {
  EXPECT_EQ(Choose({}).rule, kSeasonalNaive);
  EXPECT_THAT(Choose({Unscored()}).aggregates, ElementsAre(kSeasonalNaive));
}

}  // namespace
}  // namespace auspex::model
