#include "sidecar/aggregate/group_accumulator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace auspex {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(GroupAccumulatorTest, FoldsLikePromql) {
  struct Case {
    Aggregate function;
    std::vector<double> members;
    double expected;
  };
  const Case cases[] = {
      {Aggregate::kSum, {}, kNan},
      {Aggregate::kCount, {}, kNan},
      {Aggregate::kSum, {1, 2, 4}, 7},
      {Aggregate::kSum, {1, 1e100, 1, -1e100}, 2},
      {Aggregate::kSum, {1, kNan}, kNan},
      {Aggregate::kSum, {1, kInf, 2}, kInf},
      {Aggregate::kSum, {kInf, -kInf}, kNan},
      {Aggregate::kAvg, {1, 2, 6}, 3},
      {Aggregate::kAvg, {1e308, 1e308, 1e308}, 1e308},
      {Aggregate::kAvg, {1, -kInf}, -kInf},
      {Aggregate::kAvg, {kNan, 1}, kNan},
      {Aggregate::kMin, {3, -1, 2}, -1},
      {Aggregate::kMin, {kNan, 5, 7}, 5},
      {Aggregate::kMin, {5, kNan, 7}, 5},
      {Aggregate::kMin, {kNan, kNan}, kNan},
      {Aggregate::kMin, {kInf, 3}, 3},
      {Aggregate::kMax, {3, -1, 2}, 3},
      {Aggregate::kMax, {kNan, -5}, -5},
      {Aggregate::kMax, {-3, -4}, -3},
      {Aggregate::kCount, {3, kNan, kInf}, 3},
  };
  for (const Case& c : cases) {
    std::string what(AggregateName(c.function));
    GroupAccumulator accumulator;
    for (const double member : c.members) {
      accumulator.Add(c.function, member);
      what += ' ' + std::to_string(member);
    }
    const double value = accumulator.Value(c.function);
    if (std::isnan(c.expected)) {
      EXPECT_TRUE(IsMissing(value)) << what << " is " << value;
    } else {
      EXPECT_DOUBLE_EQ(value, c.expected) << what;
    }
  }
}

TEST(GroupAccumulatorTest, IsSmall) { EXPECT_EQ(sizeof(GroupAccumulator), 24u); }

}  // namespace
}  // namespace auspex
