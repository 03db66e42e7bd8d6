#include "model/features/ridge.h"

#include <array>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace auspex::model {
namespace {

struct Line {
  std::vector<double> coefficients;
  double offset = 0;
  double rest = 0;
};

Line Solved(RidgeRegression& regression, double penalty) {
  Line line;
  line.rest = regression.Solve(penalty, &line.coefficients, &line.offset);
  return line;
}

TEST(RidgeRegressionTest, FindsTheLineInAnyUnit) {
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  for (double unit : {1e-12, 1.0, 1e12}) {
    RidgeRegression regression;
    regression.Reset(2);
    for (int i = 0; i < 50; ++i) {
      const std::array<double, 2> x = {unit * (5 + normal(random)), normal(random)};
      regression.Add(x, 100 + 3 * x[0] / unit - 2 * x[1]);
    }
    EXPECT_EQ(regression.rows(), 50);
    const Line line = Solved(regression, 1e-9);
    EXPECT_NEAR(line.coefficients[0] * unit, 3, 1e-6);
    EXPECT_NEAR(line.coefficients[1], -2, 1e-6);
    EXPECT_NEAR(line.rest, 0, 1e-6);
  }
}

// On one input the penalty p divides the coefficient by 1 + p, and leaves (p / (1 + p))^2 of y.
TEST(RidgeRegressionTest, ThePenaltyShrinks) {
  RidgeRegression regression;
  regression.Reset(1);
  for (double x : {1.0, 2.0, 3.0, 6.0}) regression.Add(std::array{x}, 10 + 4 * x);
  const Line line = Solved(regression, 0.25);
  EXPECT_NEAR(line.coefficients[0], 4 / 1.25, 1e-12);
  EXPECT_NEAR(line.offset, 10 + 3 * 4 - 3 * 4 / 1.25, 1e-12);  // exact at the mean of x
  EXPECT_NEAR(line.rest, 16 * 3.5 * 0.04, 1e-12);
}

TEST(RidgeRegressionTest, InputsThatSayTheSameOrNothing) {
  RidgeRegression regression;
  regression.Reset(3);
  for (double x : {1.0, 2.0, 4.0}) regression.Add(std::array{x, 2 * x, 7e15}, x);
  const Line line = Solved(regression, 1e-6);
  EXPECT_NEAR(line.coefficients[0] + 2 * line.coefficients[1], 1, 1e-5);
  EXPECT_NEAR(line.coefficients[0], 2 * line.coefficients[1], 1e-5);
  EXPECT_EQ(line.coefficients[2], 0);
}

TEST(RidgeRegressionTest, BeginsAgain) {
  RidgeRegression regression;
  regression.Reset(2);
  regression.Add(std::array{1.0, 5.0}, 3);
  regression.Add(std::array{2.0, 1.0}, 9);
  regression.Reset(1);
  for (double x : {1.0, 2.0}) regression.Add(std::array{x}, 5 * x);
  EXPECT_NEAR(Solved(regression, 1e-9).coefficients[0], 5, 1e-6);
}

}  // namespace
}  // namespace auspex::model
