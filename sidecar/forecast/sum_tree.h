// Numbers that must add up: least squares on a tree of sums.
//
// Given a forecast x of every node and the variance w of its error, Reconcile finds the y that is
// coherent (every total is the sum of its members) and minimizes the sum of (y - x)^2 / w. That is
// MinT (Wickramasuriya, Athanasopoulos, Hyndman 2019) with a diagonal error covariance W: among all
// unbiased linear combinations of the forecasts that add up, the one whose errors are smallest, as
// far as W is right. With S the summing matrix it is y = S (S' W^-1 S)^-1 S' W^-1 x. A perfect x,
// which adds up already, is its own answer.
//
// On a tree no matrix is needed. Leaves to roots, every node combines what its own forecast says
// (m, P) with what the sum of its members says (s, p), both independent below it, by their
// precisions:
//     s = sum of m,  p = sum of P  over the members
//     K = P / (P + p),   m += K (s - m),   P -= K P
// Roots to leaves, what a total has become (y) is shared out by the members' variances:
//     y_member = m + (P / p) (y - s)
// This is the forward and backward pass of a Kalman smoother over the tree; O(nodes) in all.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace auspex {

// Immutable; thread-safe.
class SumTree {
 public:
  static constexpr int kNone = -1;

  // `total_of_sum[s]` is the node that is the sum s; a node may be several (split by user, split by
  // storage type). `sum_of_node[v]` is the sum that node v is a member of, or kNone.
  // REQUIRES: a total has a smaller index than its members; total_of_sum ascends.
  SumTree(std::vector<int> total_of_sum, std::vector<int> sum_of_node)
      : total_of_sum_(std::move(total_of_sum)), sum_of_node_(std::move(sum_of_node)) {}

  size_t size() const { return sum_of_node_.size(); }
  size_t sums() const { return total_of_sum_.size(); }

  // Replaces `values` [size()] by coherent ones. `variances` [size()] >= 0: 0 holds a value where
  // it is, infinity stands for one that is not known. A sum with an unknown member explains
  // nothing: the others in it keep their values, and the total its own. Unknown totals of known
  // members become their sum. Where values that are held cannot add up, they do not.
  void Reconcile(std::span<const double> variances, std::span<double> values) const;

 private:
  std::vector<int> total_of_sum_;
  std::vector<int> sum_of_node_;
};

}  // namespace auspex
