#include "tests/integration/aggregate_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace auspex {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(AggregateValuesTest, CloseMeansCloseOnly) {
  struct Case {
    double actual, expected;
    bool close;
  };
  const Case cases[] = {
      {1, 1, true},         {1, 1 + 1e-10, true}, {1, 1 + 1e-8, false}, {0, 0, true},
      {0, 1e-300, false},   {-1, 1, false},       {-1, -1, true},       {kNan, 1, false},
      {1, kNan, false},     {kNan, kNan, false},  {kInf, kInf, true},   {kInf, -kInf, false},
      {kInf, 1e308, false}, {1e308, kInf, false},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(IsClose(c.actual, c.expected, 1e-9), c.close) << c.actual << " and " << c.expected;
  }
}

TEST(AggregateValuesTest, EveryKindOfDifferenceIsFound) {
  const LabelSet a({{"user", "a"}});
  const LabelSet b({{"user", "b"}});
  const AggregateValues expected = {{a, {{60, 1.0}, {120, 2.0}}}};
  EXPECT_THAT(Differences(expected, expected, 1e-9), IsEmpty());
  EXPECT_THAT(Differences({{a, {{60, 1.0}, {120, 2.5}}}}, expected, 1e-9),
              ElementsAre("{user=\"a\"} at 120: 2.5, expected 2"));
  EXPECT_THAT(Differences({{a, {{60, 1.0}}}}, expected, 1e-9),
              ElementsAre("{user=\"a\"} at 120: missing, expected 2"));
  EXPECT_THAT(Differences({{a, {{60, 1.0}, {120, 2.0}, {180, 3.0}}}}, expected, 1e-9),
              ElementsAre("{user=\"a\"} at 180: 3, expected missing"));
  EXPECT_THAT(Differences({{b, {{60, 1.0}, {120, 2.0}}}}, expected, 1e-9), SizeIs(4));
  EXPECT_THAT(Differences({}, expected, 1e-9), SizeIs(2));
  EXPECT_THAT(Differences({}, expected, 1e-9, 1), SizeIs(2)) << "one line and the count";
}

}  // namespace
}  // namespace auspex
