#include "sidecar/forecast/sum_tree.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <vector>

namespace auspex {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int kNone = SumTree::kNone;

using Matrix = std::vector<std::vector<double>>;

// A tree, and how its nodes are made of its leaves.
struct Shape {
  std::vector<int> total_of_sum;
  std::vector<int> sum_of_node;

  SumTree Tree() const { return SumTree(total_of_sum, sum_of_node); }
  bool IsTotal(int node) const {
    for (const int total : total_of_sum) {
      if (total == node) return true;
    }
    return false;
  }
  // [nodes][leaves]: S of the literature.
  Matrix Summing() const {
    const size_t nodes = sum_of_node.size();
    std::vector<size_t> leaves;
    for (size_t v = 0; v < nodes; ++v) {
      if (!IsTotal(static_cast<int>(v))) leaves.push_back(v);
    }
    Matrix summing(nodes, std::vector<double>(leaves.size()));
    for (size_t leaf = 0; leaf < leaves.size(); ++leaf) {
      size_t v = leaves[leaf];
      summing[v][leaf] = 1;
      while (sum_of_node[v] != kNone) {
        v = static_cast<size_t>(total_of_sum[static_cast<size_t>(sum_of_node[v])]);
        summing[v][leaf] = 1;
      }
    }
    return summing;
  }
};

// Cluster -> two groups -> three and two users.
Shape ThreeLevels() { return {{0, 1, 2}, {kNone, 0, 0, 1, 1, 1, 2, 2}}; }

// A random tree: nodes after the root become members of an earlier node.
Shape RandomShape(int nodes, std::mt19937_64& random) {
  Shape shape;
  std::vector<std::vector<int>> members(static_cast<size_t>(nodes));
  for (int v = 1; v < nodes; ++v) {
    members[std::uniform_int_distribution<size_t>(0, static_cast<size_t>(v - 1))(random)].push_back(
        v);
  }
  shape.sum_of_node.assign(static_cast<size_t>(nodes), kNone);
  for (int v = 0; v < nodes; ++v) {
    if (members[static_cast<size_t>(v)].empty()) continue;
    for (const int member : members[static_cast<size_t>(v)]) {
      shape.sum_of_node[static_cast<size_t>(member)] = static_cast<int>(shape.total_of_sum.size());
    }
    shape.total_of_sum.push_back(v);
  }
  return shape;
}

// x of a x = b, by elimination without pivots (a is positive definite).
std::vector<double> Solved(Matrix a, std::vector<double> b) {
  const size_t n = b.size();
  for (size_t i = 0; i < n; ++i) {
    for (size_t row = i + 1; row < n; ++row) {
      const double factor = a[row][i] / a[i][i];
      for (size_t column = i; column < n; ++column) a[row][column] -= factor * a[i][column];
      b[row] -= factor * b[i];
    }
  }
  for (size_t i = n; i-- > 0;) {
    for (size_t column = i + 1; column < n; ++column) b[i] -= a[i][column] * b[column];
    b[i] /= a[i][i];
  }
  return b;
}

// S (S' W^-1 S)^-1 S' W^-1 x as the formula says it.
std::vector<double> ByMatrices(const Shape& shape, const std::vector<double>& variances,
                               const std::vector<double>& values) {
  const Matrix summing = shape.Summing();
  const size_t leaves = summing[0].size();
  Matrix normal(leaves, std::vector<double>(leaves));
  std::vector<double> right(leaves);
  for (size_t v = 0; v < values.size(); ++v) {
    for (size_t i = 0; i < leaves; ++i) {
      right[i] += summing[v][i] * values[v] / variances[v];
      for (size_t j = 0; j < leaves; ++j) {
        normal[i][j] += summing[v][i] * summing[v][j] / variances[v];
      }
    }
  }
  const std::vector<double> bottom = Solved(normal, right);
  std::vector<double> result(values.size());
  for (size_t v = 0; v < values.size(); ++v) {
    for (size_t i = 0; i < leaves; ++i) result[v] += summing[v][i] * bottom[i];
  }
  return result;
}

void ExpectAddsUp(const Shape& shape, const std::vector<double>& values) {
  for (size_t s = 0; s < shape.total_of_sum.size(); ++s) {
    const double total = values[static_cast<size_t>(shape.total_of_sum[s])];
    double sum = 0;
    double size = std::abs(total);
    for (size_t v = 0; v < values.size(); ++v) {
      if (shape.sum_of_node[v] != static_cast<int>(s)) continue;
      sum += values[v];
      size += std::abs(values[v]);
    }
    EXPECT_NEAR(sum, total, 1e-12 * size) << "sum " << s;
  }
}

TEST(SumTreeTest, IsMinTOnRandomTrees) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> value(10, 50);
  std::lognormal_distribution<double> variance(0, 2);
  for (int nodes = 2; nodes <= 40; ++nodes) {
    const Shape shape = RandomShape(nodes, random);
    std::vector<double> values;
    std::vector<double> variances;
    for (int v = 0; v < nodes; ++v) {
      values.push_back(value(random));
      variances.push_back(variance(random));
    }
    const std::vector<double> expected = ByMatrices(shape, variances, values);
    shape.Tree().Reconcile(variances, values);
    ExpectAddsUp(shape, values);
    for (int v = 0; v < nodes; ++v) {
      EXPECT_NEAR(values[static_cast<size_t>(v)], expected[static_cast<size_t>(v)], 1e-6)
          << "node " << v << " of " << nodes;
    }
  }
}

TEST(SumTreeTest, WhatAddsUpStays) {
  const std::vector<double> coherent = {15, 6, 9, 1, 2, 3, 4, 5};
  std::vector<double> values = coherent;
  ThreeLevels().Tree().Reconcile(std::vector<double>{1, 5, 2, 1, 9, 3, 0, 7}, values);
  for (size_t v = 0; v < values.size(); ++v) EXPECT_NEAR(values[v], coherent[v], 1e-12);
}

TEST(SumTreeTest, ForecastsWithoutBiasStaySo) {
  // Errors of mean zero, and weights that know nothing of their true size.
  const std::vector<double> truth = {15, 6, 9, 1, 2, 3, 4, 5};
  const std::vector<double> variances = {1, 5, 2, 1, 9, 3, 0.1, 7};
  std::mt19937_64 random(7);
  std::normal_distribution<double> error(0, 2);
  std::vector<double> means(truth.size());
  constexpr int kTrials = 20'000;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> values = truth;
    for (double& value : values) value += error(random);
    ThreeLevels().Tree().Reconcile(variances, values);
    for (size_t v = 0; v < values.size(); ++v) means[v] += values[v] / kTrials;
  }
  // Five standard deviations of a mean.
  for (size_t v = 0; v < means.size(); ++v) EXPECT_NEAR(means[v], truth[v], 5 * 4.0 / 141);
}

TEST(SumTreeTest, ErrorsShrinkWhereTheWeightsAreRight) {
  const std::vector<double> variances = {4, 1, 9, 1, 1, 1, 4, 4};
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal(0, 1);
  std::vector<double> squared(variances.size());
  constexpr int kTrials = 5000;
  for (int trial = 0; trial < kTrials; ++trial) {
    // The truth is zero everywhere, which adds up.
    std::vector<double> values;
    for (const double variance : variances) values.push_back(std::sqrt(variance) * normal(random));
    ThreeLevels().Tree().Reconcile(variances, values);
    for (size_t v = 0; v < values.size(); ++v) squared[v] += values[v] * values[v] / kTrials;
  }
  for (size_t v = 0; v < squared.size(); ++v) EXPECT_LT(squared[v], 0.95 * variances[v]);
}

TEST(SumTreeTest, AMemberWithoutVarianceIsHeld) {
  std::vector<double> values = {10, 3, 4};
  SumTree({0}, {kNone, 0, 0}).Reconcile(std::vector<double>{1, 0, 1}, values);
  EXPECT_EQ(values[1], 3);
  EXPECT_NEAR(values[0], values[1] + values[2], 1e-12);
  EXPECT_NEAR(values[2], 5.5, 1e-12);
}

TEST(SumTreeTest, WhenNobodyGivesWayTheTotalBecomesTheSum) {
  std::vector<double> values = {10, 3, 4};
  SumTree({0}, {kNone, 0, 0}).Reconcile(std::vector<double>{1, 0, 0}, values);
  EXPECT_EQ(values, (std::vector<double>{7, 3, 4}));
}

TEST(SumTreeTest, AnUnknownTotalIsTheSumAndPassesOnWhatIsAboveIt) {
  const Shape shape = ThreeLevels();
  std::vector<double> values = {20, std::nan(""), 9, 1, 2, 3, 4, 5};
  std::vector<double> variances = {1, kInfinity, 1, 1, 1, 1, 1, 1};
  shape.Tree().Reconcile(variances, values);
  ExpectAddsUp(shape, values);
  // What the cluster has more than its parts has reached the users of the unknown group.
  EXPECT_GT(values[3], 1.1);
  EXPECT_NEAR(values[3] - 1, values[5] - 3, 1e-12);
}

TEST(SumTreeTest, ASumWithAnUnknownMemberExplainsNothing) {
  std::vector<double> values = {20, 6, 9, 1, std::nan(""), 3, 4, 5};
  std::vector<double> variances = {1, 1, 1, 1, kInfinity, 1, 1, 1};
  ThreeLevels().Tree().Reconcile(variances, values);
  EXPECT_NEAR(values[0], values[1] + values[2], 1e-12);
  EXPECT_EQ(values[3], 1);
  EXPECT_EQ(values[5], 3);
}

TEST(SumTreeTest, OneTotalMaySplitInTwoWays) {
  // By user (1, 2) and by storage type (3, 4).
  std::vector<double> values = {10, 5, 6, 4, 9};
  SumTree({0, 0}, {kNone, 0, 0, 1, 1}).Reconcile(std::vector<double>{1, 1, 1, 2, 2}, values);
  EXPECT_NEAR(values[0], values[1] + values[2], 1e-12);
  EXPECT_NEAR(values[0], values[3] + values[4], 1e-12);
  // 10, 11 and 13 with variances 1, 2 and 4.
  EXPECT_NEAR(values[0], (10 + 11.0 / 2 + 13.0 / 4) / (1 + 0.5 + 0.25), 1e-12);
}

TEST(SumTreeTest, NodesWithoutSumsAreLeftAlone) {
  std::vector<double> values = {1, 2, 3};
  SumTree({}, {kNone, kNone, kNone}).Reconcile(std::vector<double>{1, 1, kInfinity}, values);
  EXPECT_EQ(values, (std::vector<double>{1, 2, 3}));
}

}  // namespace
}  // namespace auspex
