#include "sidecar/forecast/challenge_share.h"

#include <gtest/gtest.h>

#include <string>

namespace auspex {
namespace {

LabelSet User(int i) { return LabelSet({{"group", "g1"}, {"user", "u" + std::to_string(i)}}); }

int Served(int share_percent) {
  int served = 0;
  for (int i = 0; i < 10'000; ++i) served += InChallengeShare(User(i), share_percent) ? 1 : 0;
  return served;
}

TEST(ChallengeShareTest, IsTheShareAskedFor) {
  EXPECT_EQ(Served(0), 0);
  EXPECT_NEAR(Served(1), 100, 40);
  EXPECT_NEAR(Served(20), 2000, 160);
  EXPECT_NEAR(Served(50), 5000, 200);
  EXPECT_EQ(Served(100), 10'000);
}

TEST(ChallengeShareTest, ALargerShareHoldsTheSmaller) {
  for (int i = 0; i < 1000; ++i) {
    for (int share = 0; share < 100; ++share) {
      EXPECT_LE(InChallengeShare(User(i), share), InChallengeShare(User(i), share + 1));
    }
  }
}

// An aggregate may not flip with a new release either: these were computed once.
TEST(ChallengeShareTest, IsTheSameEverywhere) {
  std::string served;
  for (int i = 0; i < 40; ++i) served += InChallengeShare(User(i), 20) ? '1' : '0';
  EXPECT_EQ(served, "0000100000010000110000010010000000110000");
  EXPECT_FALSE(InChallengeShare(LabelSet(), 0));
}

TEST(ChallengeShareTest, OrderAndBordersOfLabelsDoNotMatterAndMatter) {
  const LabelSet one({{"a", "x"}, {"b", "y"}});
  const LabelSet same({{"b", "y"}, {"a", "x"}});
  for (int share = 0; share <= 100; ++share) {
    EXPECT_EQ(InChallengeShare(one, share), InChallengeShare(same, share));
  }
}

}  // namespace
}  // namespace auspex
