#include "model/eval/minimize.h"

#include <array>
#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace auspex::model {
namespace {

TEST(MinimizeTest, FindsTheFloorOfACurvedValley) {
  int evaluations = 0;
  const auto valley = [&](const std::array<double, 2>& x) {
    ++evaluations;
    return std::pow(1 - x[0], 2) + 100 * std::pow(x[1] - x[0] * x[0], 2);
  };
  const auto best = Minimize(valley, std::array<double, 2>{-1.2, 1}, 0.5, 200);
  EXPECT_NEAR(best[0], 1, 1e-3);
  EXPECT_NEAR(best[1], 1, 1e-3);
  EXPECT_LE(evaluations, 3 + 200 * 4);
}

TEST(MinimizeTest, StaysWhereTheFunctionExists) {
  const auto edge = [](const std::array<double, 1>& x) {
    return x[0] < 2 ? std::numeric_limits<double>::infinity() : x[0];
  };
  EXPECT_NEAR(Minimize(edge, std::array<double, 1>{5}, 1.0, 100)[0], 2, 1e-6);
}

}  // namespace
}  // namespace auspex::model
