#include "model/features/median.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "model/features/instruction_sets_test.h"

namespace auspex::model {
namespace {

double MedianBySorting(std::vector<float> values) {
  std::sort(values.begin(), values.end());
  const size_t n = values.size();
  if (n % 2 == 1) return values[n / 2];
  return (static_cast<double>(values[n / 2 - 1]) + values[n / 2]) / 2;
}

constexpr int kKinds = 7;

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
      case 4:  // mostly one value
        value = random() % 10 != 0 ? 0 : normal(random);
        break;
      case 5:  // a trend
        value = static_cast<float>(&value - values.data());
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
  ForEachInstructionSet([&] {
    for (int kind = 0; kind < kKinds; ++kind) {
      SCOPED_TRACE(kind);
      for (size_t n = 1; n < 80; ++n) {
        const std::vector<float> values = Values(kind, n, random);
        EXPECT_EQ(MedianOf(values), MedianBySorting(values)) << n;
      }
      for (size_t n : {511, 512, 513, 2016, 2017, 20'000}) {
        const std::vector<float> values = Values(kind, n, random);
        EXPECT_EQ(MedianOf(values), MedianBySorting(values)) << n;
      }
    }
  });
}

TEST(MedianTest, RanksAgreeWithSortingOnEveryInstructionSet) {
  std::mt19937 random(2);
  ForEachInstructionSet([&] {
    for (int kind = 0; kind < kKinds; ++kind) {
      SCOPED_TRACE(kind);
      for (const size_t n : {1, 2, 63, 512, 2016, 20'000}) {
        const std::vector<float> values = Values(kind, n, random);
        std::vector<float> sorted = values;
        std::sort(sorted.begin(), sorted.end());
        for (const size_t rank : {size_t{0}, n / 20, n / 3, n * 9 / 10, n - 1}) {
          EXPECT_EQ(ValueOfRank(values, rank), sorted[rank]) << rank << " of " << n;
        }
      }
    }
  });
}

// What a sample of every so many values tells of all is wrong here.
TEST(MedianTest, IsExactWhereASampleMisleads) {
  ForEachInstructionSet([] {
    for (const size_t n : {640, 1920, 6400}) {
      std::vector<float> values(n);
      for (size_t i = 0; i < n; ++i) values[i] = i % (n / 64) == 0 ? -5 : static_cast<float>(i);
      EXPECT_EQ(MedianOf(values), MedianBySorting(values)) << n;
    }
  });
}

}  // namespace
}  // namespace auspex::model
