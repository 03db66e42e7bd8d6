#include "model/features/reductions.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "model/features/instruction_sets_test.h"

namespace auspex::model {
namespace {

std::vector<float> Noise(size_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(10, 100);
  std::vector<float> values(n);
  for (float& value : values) value = normal(random);
  return values;
}

TEST(ReductionsTest, AgreeWithPlainLoopsOnEveryInstructionSet) {
  ForEachInstructionSet([] {
    for (size_t n = 1; n < 100; ++n) {
      SCOPED_TRACE(n);
      const std::vector<float> a = Noise(n, 1);
      const std::vector<float> b = Noise(n, 2);
      double sum = 0;
      double absolutes = 0;
      double squares = 0;
      double limited = 0;
      std::vector<float> distances(n);
      DistancesBetween(a, b, distances);
      for (size_t i = 0; i < n; ++i) {
        EXPECT_EQ(distances[i], std::abs(a[i] - b[i]));
        sum += a[i];
        absolutes += std::abs(a[i] - 3.5);
        squares += (a[i] - 3.5) * (a[i] - 3.5);
        limited += std::min(a[i], 20.0F);
      }
      const double rounding = 1e-12 * squares;
      EXPECT_NEAR(SumOf(a), sum, rounding);
      EXPECT_NEAR(DeviationsFrom(3.5, a).absolutes, absolutes, rounding);
      EXPECT_NEAR(DeviationsFrom(3.5, a).squares, squares, rounding);
      EXPECT_NEAR(SumUpTo(20, a), limited, rounding);
      EXPECT_EQ(ExtremesOf(a).low, *std::min_element(a.begin(), a.end()));
      EXPECT_EQ(ExtremesOf(a).high, *std::max_element(a.begin(), a.end()));
    }
    EXPECT_EQ(SumOf({}), 0);
  });
}

TEST(ReductionsTest, PartsFollowEachOther) {
  ForEachInstructionSet([] {
    for (const size_t part : {1, 3, 12, 60}) {
      const std::vector<float> values = Noise(part * 5, 3);
      std::vector<double> sums(5);
      SumParts(values, part, sums);
      for (size_t i = 0; i < sums.size(); ++i) {
        EXPECT_EQ(sums[i], SumOf(std::span(values).subspan(i * part, part))) << part;
      }
    }
  });
}

TEST(ReductionsTest, LargestFloatsDoNotOverflow) {
  const std::vector<float> high(40, 3e38F);
  const std::vector<float> low(40, -3e38F);
  EXPECT_NEAR(SumOf(high) / 1.2e40, 1, 1e-6);
  std::vector<float> distances(high.size());
  DistancesBetween(high, low, distances);
  for (const float distance : distances) {
    EXPECT_EQ(distance, std::numeric_limits<float>::max());
  }
  EXPECT_NEAR(SumUpTo(std::numeric_limits<float>::infinity(), high) / 1.2e40, 1, 1e-6);
  EXPECT_TRUE(std::isfinite(DeviationsFrom(-3e38, high).squares));
}

}  // namespace
}  // namespace auspex::model
