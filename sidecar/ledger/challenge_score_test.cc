#include "sidecar/ledger/challenge_score.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace auspex {
namespace {

constexpr TimestampMs kStart = 1000 * kDay;
constexpr DurationMs kBlock = 3 * kHour;
const double kNan = std::numeric_limits<double>::quiet_NaN();

PairedLoss Pair(double champion, double challenger, uint32_t aggregate = 1) {
  return {AggregateId{aggregate}, champion, challenger};
}

// One target an hour; the challenger's loss is `ratio(hour)` of the champion's.
template <typename Ratio>
ChallengeScore Live(int hours, Ratio ratio) {
  ChallengeScore score(7, kBlock);
  for (int hour = 0; hour < hours; ++hour) {
    const PairedLoss pair = Pair(2, 2 * ratio(hour));
    score.Add(kStart + hour * kHour, {&pair, 1});
  }
  return score;
}

ChallengeDecision AfterADay(const ChallengeEvidence& evidence) {
  return DecideChallenge(evidence, kDay, kDay, kBlock);
}

TEST(ChallengeBlockTest, IsAnEighthButNoLessThanTheShortestLead) {
  EXPECT_EQ(ChallengeBlock(kDay, kHour), 3 * kHour);
  EXPECT_EQ(ChallengeBlock(kHour, 2 * kHour), 2 * kHour);
}

TEST(ChallengeScoreTest, AveragesLogRatiosOfBlocks) {
  const ChallengeScore score =
      Live(3 * 4 + 1, [](int hour) { return hour / 3 % 2 == 0 ? 2 : 0.5; });
  const ChallengeEvidence evidence = score.evidence();
  EXPECT_EQ(evidence.blocks, 4);
  EXPECT_NEAR(evidence.log_ratio, 0, 1e-12);
  // Four values of +-log 2.
  EXPECT_NEAR(evidence.standard_error, std::log(2) * std::sqrt(4.0 / 3) / 2, 1e-12);
}

TEST(ChallengeScoreTest, AnOpenBlockSaysNothing) {
  const ChallengeEvidence none = Live(3, [](int) { return 2; }).evidence();
  EXPECT_EQ(none.blocks, 0);
  EXPECT_TRUE(IsMissing(none.log_ratio));
  const ChallengeEvidence one = Live(4, [](int) { return 2; }).evidence();
  EXPECT_EQ(one.blocks, 1);
  EXPECT_NEAR(one.log_ratio, std::log(2), 1e-12);
  EXPECT_TRUE(IsMissing(one.standard_error));
}

TEST(ChallengeScoreTest, ALargeAggregateDoesNotDecideAlone) {
  ChallengeScore score(7, kBlock);
  // The first loses a hundred times as much as the others, and says the opposite.
  const std::vector<PairedLoss> pairs = {Pair(100, 200), Pair(1, 0.5, 2), Pair(1, 0.5, 3)};
  for (int hour = 0; hour <= 3; ++hour) score.Add(kStart + hour * kHour, pairs);
  EXPECT_NEAR(score.evidence().log_ratio, -std::log(2) / 3, 1e-12);
}

TEST(ChallengeScoreTest, GapsCloseTheBlockAndTargetsCountOnce) {
  ChallengeScore score(7, kBlock);
  const PairedLoss worse = Pair(1, 2);
  const PairedLoss better = Pair(1, 0.5);
  score.Add(kStart, {&worse, 1});
  score.Add(kStart + 10 * kDay, {&better, 1});
  EXPECT_EQ(score.evidence().blocks, 1);
  score.Add(kStart + 10 * kDay, {&worse, 1});  // again, as after a crash
  score.Add(kStart + 20 * kDay, {});           // nothing came
  score.Add(kStart + 20 * kDay, {&worse, 1});
  EXPECT_EQ(score.evidence().blocks, 2);
  EXPECT_NEAR(score.evidence().log_ratio, 0, 1e-12);
}

TEST(ChallengeScoreTest, ExactForecastsAreEqual) {
  const auto evidence = [](double champion, double challenger) {
    ChallengeScore score(7, kBlock);
    const PairedLoss pair = Pair(champion, challenger);
    score.Add(kStart, {&pair, 1});
    score.Add(kStart + kBlock, {&pair, 1});
    return score.evidence();
  };
  EXPECT_EQ(evidence(0, 0).log_ratio, 0);
  EXPECT_EQ(evidence(0, 1e-6).log_ratio, 0);
}

TEST(ChallengeScoreTest, SurvivesAsBytes) {
  const ChallengeScore score = Live(20, [](int hour) { return 1 + 0.1 * (hour % 5); });
  const std::string bytes = score.Serialize();
  ChallengeScore again;
  ASSERT_TRUE(again.Parse(bytes));
  EXPECT_EQ(again.Serialize(), bytes);
  EXPECT_EQ(again.version(), 7U);
  EXPECT_EQ(again.block_ms(), kBlock);
  // It goes on in the middle of its block.
  ChallengeScore whole = Live(24, [](int hour) { return 1 + 0.1 * (hour % 5); });
  for (int hour = 20; hour < 24; ++hour) {
    const PairedLoss pair = Pair(2, 2 * (1 + 0.1 * (hour % 5)));
    again.Add(kStart + hour * kHour, {&pair, 1});
  }
  EXPECT_EQ(again.Serialize(), whole.Serialize());
  for (size_t cut = 0; cut < 60; cut += 7) {
    EXPECT_FALSE(again.Parse(bytes.substr(0, cut))) << cut;
  }
  EXPECT_EQ(again.Serialize(), whole.Serialize());  // as it was
}

Outcome Both(std::vector<float> quantiles) {
  return {.aggregate = AggregateId{3},
          .quantiles = std::move(quantiles),
          .truth = 10,
          .last_value = 9,
          .naive = 9,
          .seasonal_change = 2};
}

TEST(PairedLossTest, IsTheScaledPinballOfEach) {
  const double levels[] = {0.1, 0.5, 0.9};
  const auto pair = PairedLossOf(Both({10, 10, 10, 8, 12, 14}), levels);
  ASSERT_TRUE(pair.has_value());
  EXPECT_EQ(pair->aggregate, AggregateId{3});
  EXPECT_EQ(pair->champion, 0);
  // 0.1 * 2 + 0.5 * 2 + 0.1 * 4 = 1.6, twice the mean of three, over 2.
  EXPECT_NEAR(pair->challenger, 1.6 * 2 / 3 / 2, 1e-9);
}

TEST(PairedLossTest, WithoutAScaleThereIsNone) {
  const double levels[] = {0.5};
  Outcome outcome = Both({9, 9});
  outcome.seasonal_change = 0;
  EXPECT_FALSE(PairedLossOf(outcome, levels).has_value());
  outcome.seasonal_change = kNan;
  EXPECT_FALSE(PairedLossOf(outcome, levels).has_value());
}

TEST(PairedLossTest, WhatIsNoNumberLosesMost) {
  const double levels[] = {0.5};
  for (const double bad : {kNan, std::numeric_limits<double>::infinity(), -1e30}) {
    const auto pair = PairedLossOf(Both({9, static_cast<float>(bad)}), levels);
    ASSERT_TRUE(pair.has_value());
    EXPECT_EQ(pair->champion, 0.5);
    EXPECT_EQ(pair->challenger, 1e6) << bad;
  }
}

struct Case {
  const char* name;
  ChallengeEvidence evidence;
  DurationMs age_ms;
  ChallengeVerdict verdict;
  std::string_view reason;
};

TEST(DecideChallengeTest, Decides) {
  using enum ChallengeVerdict;
  const Case cases[] = {
      {"better, but too young", {99, -1, 0.01}, kDay - 1, kGoesOn, "too_young"},
      {"worse, but too young", {99, 1, 0.01}, kDay - 1, kGoesOn, "too_young"},
      {"no outcome", {}, kDay, kGoesOn, "too_few_outcomes"},
      {"too few outcomes", {7, -1, 0.01}, 3 * kDay - 1, kGoesOn, "too_few_outcomes"},
      {"still too few outcomes", {7, -1, 0.01}, 3 * kDay, kDrop, "undecided"},
      {"never an outcome", {}, 3 * kDay, kDrop, "undecided"},
      {"better", {8, -0.2, 0.1}, kDay, kPromote, "better"},
      {"a little better", {8, -0.05, 0.1}, kDay, kPromote, "not_worse"},
      {"equal", {8, 0, 0}, kDay, kPromote, "not_worse"},
      {"a little worse", {8, 0.05, 0.1}, kDay, kPromote, "not_worse"},
      {"surely worse, by nothing", {8, 0.009, 0.001}, kDay, kPromote, "not_worse"},
      {"worse", {8, 0.2, 0.1}, kDay, kDrop, "worse"},
      {"not a number", {8, kNan, 0.1}, kDay, kDrop, "worse"},
      {"an error that is no number", {8, 0.2, kNan}, kDay, kDrop, "worse"},
  };
  for (const Case& c : cases) {
    const ChallengeDecision decision = DecideChallenge(c.evidence, c.age_ms, kDay, kBlock);
    EXPECT_EQ(decision.verdict, c.verdict) << c.name;
    EXPECT_EQ(decision.reason, c.reason) << c.name;
  }
}

TEST(DecideChallengeTest, AShortChallengeWaitsForEightOfItsBlocks) {
  // Blocks of an hour, because no lead is shorter: three hours cannot have eight.
  EXPECT_EQ(DecideChallenge({3, -1, 0.1}, 3 * kHour, kHour, kHour).reason, "too_few_outcomes");
  EXPECT_EQ(DecideChallenge({8, -1, 0.1}, 9 * kHour, kHour, kHour).reason, "better");
}

// Of what the header says of independent blocks.
TEST(DecideChallengeTest, ItsErrorsAreRare) {
  std::mt19937_64 random(1);
  const auto dropped = [&](double log_ratio) {
    std::normal_distribution<double> block(log_ratio, 0.1);
    int count = 0;
    for (int i = 0; i < 2000; ++i) {
      double ratio = 1;
      const ChallengeScore score = Live(25, [&](int hour) {
        if (hour % 3 == 0) ratio = std::exp(block(random));
        return ratio;
      });
      count += AfterADay(score.evidence()).verdict == ChallengeVerdict::kDrop ? 1 : 0;
    }
    return count / 2000.0;
  };
  EXPECT_NEAR(dropped(0), 0.18, 0.03);
  EXPECT_NEAR(dropped(0.1), 0.96, 0.02);
  EXPECT_LT(dropped(-0.1), 0.005);
}

TEST(DecideChallengeTest, AChallengerWithoutNumbersIsDropped) {
  const double levels[] = {0.5};
  ChallengeScore score(7, kBlock);
  for (int hour = 0; hour <= 24; ++hour) {
    const auto pair = PairedLossOf(Both({9, static_cast<float>(kNan)}), levels);
    score.Add(kStart + hour * kHour, {&*pair, 1});
  }
  EXPECT_EQ(AfterADay(score.evidence()).reason, "worse");
}

}  // namespace
}  // namespace auspex
