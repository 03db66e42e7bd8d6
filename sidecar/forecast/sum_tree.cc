#include "sidecar/forecast/sum_tree.h"

#include <cmath>

namespace auspex {
namespace {

struct Estimate {
  double value = 0;
  double variance = 0;
};

// How far a forecast of variance `own` moves to what a sum of variance `sum` says.
double Gain(double own, double sum) {
  if (std::isinf(sum)) return 0;
  if (std::isinf(own)) return 1;
  return own + sum > 0 ? own / (own + sum) : 0;
}

Estimate Combined(const Estimate& own, const Estimate& sum) {
  const double gain = Gain(own.variance, sum.variance);
  if (gain == 1) return sum;
  if (gain == 0) return own;
  return {std::lerp(own.value, sum.value, gain), (1 - gain) * own.variance};
}

// The part of a sum's correction that falls to a member.
double Share(double member, double sum) { return sum > 0 && !std::isinf(sum) ? member / sum : 0; }

}  // namespace

void SumTree::Reconcile(std::span<const double> variances, std::span<double> values) const {
  std::vector<Estimate> nodes(size());
  std::vector<Estimate> sums(this->sums());
  size_t sum = sums.size();
  for (size_t v = size(); v-- > 0;) {
    nodes[v] = {values[v], variances[v]};
    while (sum > 0 && total_of_sum_[sum - 1] == static_cast<int>(v)) {
      nodes[v] = Combined(nodes[v], sums[--sum]);
    }
    if (sum_of_node_[v] == kNone) continue;
    Estimate& up = sums[static_cast<size_t>(sum_of_node_[v])];
    // An unknown value may be anything, NaN included; it must not reach its known neighbours.
    if (!std::isinf(nodes[v].variance)) up.value += nodes[v].value;
    up.variance += nodes[v].variance;
  }
  for (size_t v = 0; v < size(); ++v) {
    values[v] = nodes[v].value;
    if (sum_of_node_[v] == kNone) continue;
    const auto s = static_cast<size_t>(sum_of_node_[v]);
    const double missing = values[static_cast<size_t>(total_of_sum_[s])] - sums[s].value;
    const double share = Share(nodes[v].variance, sums[s].variance);
    if (share > 0) values[v] += share * missing;
  }
}

}  // namespace auspex
