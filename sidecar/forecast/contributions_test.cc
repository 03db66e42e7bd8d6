#include "sidecar/forecast/contributions.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace auspex {
namespace {

constexpr TimestampMs kOrigin = 1'772'409'600'000;
constexpr DurationMs kStep = 5 * kMinute;

// One step ahead the median has changed by `change`, two steps ahead by twice that.
Forecast Changing(const std::string& user, double last, double change) {
  Forecast forecast;
  if (!user.empty()) forecast.labels = LabelSet({{"user", user}});
  forecast.origin_ms = kOrigin;
  forecast.step_ms = kStep;
  forecast.quantile_levels = {0.5};
  forecast.last_value = last;
  forecast.values = {static_cast<float>(last + change), static_cast<float>(last + 2 * change)};
  return forecast;
}

std::vector<const Forecast*> Pointers(const std::vector<Forecast>& forecasts) {
  std::vector<const Forecast*> pointers;
  for (const Forecast& forecast : forecasts) pointers.push_back(&forecast);
  return pointers;
}

TEST(ContributionsTest, SharesAddUpAndTheLargestComeFirst) {
  const std::vector<Forecast> members = {Changing("ann", 10, 1), Changing("bob", 50, -2),
                                         Changing("eve", 40, 5)};
  const auto result =
      ContributionsTo(Changing("", 100, 4), Pointers(members), kOrigin + 2 * kStep, 10);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->change, 8);
  EXPECT_EQ(result->members, 3);
  ASSERT_EQ(result->top.size(), 3U);
  EXPECT_EQ(result->top[0].member, &members[2]);
  EXPECT_EQ(result->top[0].change, 10);
  EXPECT_EQ(result->top[0].share, 1.25);
  EXPECT_EQ(result->top[1].share, 0.25);
  EXPECT_EQ(result->top[2].share, -0.5);
}

TEST(ContributionsTest, OfAFallTheOneThatFallsMostComesFirst) {
  const std::vector<Forecast> members = {Changing("ann", 10, 1), Changing("bob", 50, -2)};
  const auto result = ContributionsTo(Changing("", 60, -1), Pointers(members), kOrigin + kStep, 10);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->top[0].member, &members[1]);
  EXPECT_EQ(result->top[0].share, 2);
}

TEST(ContributionsTest, OnlyTheTopIsListed) {
  std::vector<Forecast> members;
  for (int i = 0; i < 50; ++i) members.push_back(Changing("u" + std::to_string(i), 1, i));
  const auto result =
      ContributionsTo(Changing("", 50, 49 * 25), Pointers(members), kOrigin + kStep, 3);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->members, 50);
  ASSERT_EQ(result->top.size(), 3U);
  EXPECT_EQ(result->top[2].change, 47);
}

TEST(ContributionsTest, WithoutAChangeThereAreNoShares) {
  const std::vector<Forecast> members = {Changing("ann", 10, 1), Changing("bob", 50, -1)};
  const auto result = ContributionsTo(Changing("", 60, 0), Pointers(members), kOrigin + kStep, 1);
  ASSERT_TRUE(result.has_value());
  ASSERT_EQ(result->top.size(), 1U);
  EXPECT_FALSE(result->top[0].share.has_value());
}

TEST(ContributionsTest, MembersThatAbstainAreLeftOut) {
  Forecast abstaining = Changing("new", 3, 0);
  abstaining.values.clear();
  abstaining.quantile_levels.clear();
  const std::vector<Forecast> members = {abstaining, Changing("ann", 10, 1)};
  const auto result = ContributionsTo(Changing("", 13, 1), Pointers(members), kOrigin + kStep, 10);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->members, 1);
  EXPECT_FALSE(ContributionsTo(abstaining, Pointers(members), kOrigin + kStep, 10).has_value());
  // Beyond the horizon nobody has one.
  EXPECT_FALSE(
      ContributionsTo(Changing("", 13, 1), Pointers(members), kOrigin + 3 * kStep, 10).has_value());
}

}  // namespace
}  // namespace auspex
