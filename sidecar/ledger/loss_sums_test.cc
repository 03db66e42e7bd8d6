#include "sidecar/ledger/loss_sums.h"

#include <gtest/gtest.h>

namespace auspex {
namespace {

constexpr TimestampMs kStart = 1000 * kDay;

TEST(LossSumsTest, NothingIsKnownAtFirst) {
  const LossSums sums;
  EXPECT_TRUE(IsMissing(sums.Means().inside));
  EXPECT_TRUE(IsMissing(sums.Means().error));
  EXPECT_EQ(sums.weight(), 0);
  EXPECT_EQ(sums.newest_ms(), 0);
}

TEST(LossSumsTest, MeansOfWhatIsThere) {
  LossSums sums;
  sums.Add({.inside = 1, .error = 2, .naive_error = 4, .pinball = 1, .bias = -2}, kStart);
  sums.Add({.inside = 0, .error = 0, .naive_error = 2, .pinball = 0, .bias = 1}, kStart);
  sums.Add({.inside = 0}, kStart);  // no scale
  sums.Add({}, kStart);
  EXPECT_NEAR(sums.Means().inside, 1.0 / 3, 1e-6);
  EXPECT_EQ(sums.Means().error, 1);
  EXPECT_EQ(sums.Means().naive_error, 3);
  EXPECT_EQ(sums.Means().pinball, 0.5);
  EXPECT_EQ(sums.Means().bias, -0.5);
  EXPECT_EQ(sums.weight(), 3);
}

TEST(LossSumsTest, AHalfLifeAgoCountsHalf) {
  LossSums sums;
  sums.Add({.inside = 1}, kStart);
  sums.Add({.inside = 0}, kStart + kLossHalfLife);
  EXPECT_NEAR(sums.Means().inside, 1.0 / 3, 1e-6);
  EXPECT_NEAR(sums.weight(), 1.5, 1e-6);
  EXPECT_EQ(sums.newest_ms(), kStart + kLossHalfLife);
}

TEST(LossSumsTest, OrderDoesNotMatter) {
  LossSums forth;
  forth.Add({.inside = 1, .error = 5, .naive_error = 1, .pinball = 1, .bias = 1}, kStart);
  forth.Add({.inside = 0, .error = 1, .naive_error = 1, .pinball = 1, .bias = 1}, kStart + kDay);
  LossSums back;
  back.Add({.inside = 0, .error = 1, .naive_error = 1, .pinball = 1, .bias = 1}, kStart + kDay);
  back.Add({.inside = 1, .error = 5, .naive_error = 1, .pinball = 1, .bias = 1}, kStart);
  EXPECT_NEAR(back.Means().inside, forth.Means().inside, 1e-6);
  EXPECT_NEAR(back.Means().error, forth.Means().error, 1e-6);
}

}  // namespace
}  // namespace auspex
