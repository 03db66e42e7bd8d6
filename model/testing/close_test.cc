#include "model/testing/close.h"

#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace auspex::model {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(DifferenceTest, PassesOnlyWhatIsClose) {
  struct Row {
    double actual, expected;
    Tolerance tolerance;
    bool close;
  };
  for (const Row& row :
       {Row{1, 1, {}, true}, Row{1, 1.1, {.absolute = 0.11}, true},
        Row{1, 1.1, {.absolute = 0.09}, false}, Row{-1, -1.1, {.absolute = 0.09}, false},
        Row{-100, -101, {.relative = 0.011}, true}, Row{-100, -101, {.relative = 0.009}, false},
        Row{kNan, kNan, {.absolute = kInf}, false}, Row{kNan, 0, {.absolute = 1}, false},
        Row{0, kNan, {.absolute = 1}, false}, Row{kInf, kInf, {}, true},
        Row{kInf, -kInf, {.absolute = 1}, false}, Row{kInf, 0, {.absolute = 1e300}, false},
        Row{0, kInf, {.relative = 1}, false}}) {
    EXPECT_EQ(Difference(std::vector{row.actual}, std::vector{row.expected}, row.tolerance) == "",
              row.close)
        << row.actual << " " << row.expected;
  }
}

TEST(DifferenceTest, NamesTheFirstAndCounts) {
  const std::vector<float> actual = {1, 2, 3, 4};
  const std::vector<float> expected = {1, 2.5, 3, 5};
  EXPECT_EQ(Difference(actual, expected, {}), "[1] is 2, expected 2.5; 2 of 4 differ");
  EXPECT_EQ(Difference(std::span(actual).first(3), expected, {}), "3 values, expected 4");
  EXPECT_EQ(Difference(std::span<const float>(), {}, {}), "");
}

}  // namespace
}  // namespace auspex::model
