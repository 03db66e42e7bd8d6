#include "model/features/median.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "hwy/targets.h"

namespace auspex::model {
namespace {

double MedianBySorting(std::vector<float> values) {
  std::sort(values.begin(), values.end());
  const size_t n = values.size();
  if (n % 2 == 1) return values[n / 2];
  return (static_cast<double>(values[n / 2 - 1]) + values[n / 2]) / 2;
}

// Kinds of values that a selection can stumble over.
std::vector<float> Values(int kind, size_t n, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> values(n);
  for (float& value : values) {
    switch (kind) {
      case 0:
        value = 100 + normal(random);
        break;
      case 1:  // many equal ones, zeros of both signs
        value = static_cast<float>(static_cast<int>(random() % 3) - 1) * 0.0F +
                static_cast<float>(random() % 3);
        break;
      case 2:  // both signs, all magnitudes
        value = std::ldexp(normal(random), static_cast<int>(random() % 200) - 100);
        break;
      case 3:
        value = -7.25F;
        break;
      default:
        value = random() % 2 == 0 ? std::numeric_limits<float>::max()
                                  : std::numeric_limits<float>::lowest();
    }
  }
  return values;
}

TEST(MedianTest, AgreesWithSortingOnEveryInstructionSet) {
  std::mt19937 random(1);
  for (int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    for (int kind = 0; kind < 5; ++kind) {
      for (size_t n = 1; n < 80; ++n) {
        const std::vector<float> values = Values(kind, n, random);
        EXPECT_EQ(MedianOf(values), MedianBySorting(values))
            << hwy::TargetName(target) << " kind " << kind << " n " << n;
      }
      const std::vector<float> many = Values(kind, 2016, random);
      EXPECT_EQ(MedianOf(many), MedianBySorting(many)) << hwy::TargetName(target);
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST(MedianTest, OfSevenIsInTheMiddleOfEveryOrder) {
  // A network of exchanges that is right for all zeros and ones is right for all values.
  for (unsigned bits = 0; bits < 128; ++bits) {
    std::array<double, 7> values{};
    for (size_t i = 0; i < 7; ++i) values[i] = (bits >> i) & 1U;
    EXPECT_EQ(MedianOfSeven(values), std::popcount(bits) >= 4 ? 1 : 0) << bits;
  }
}

}  // namespace
}  // namespace auspex::model
