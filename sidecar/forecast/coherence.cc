#include "sidecar/forecast/coherence.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "sidecar/forecast/hierarchy.h"
#include "sidecar/forecast/sum_tree.h"

namespace auspex {
namespace {

// A total is the sum of its members when it differs by no more than this share of it: values are
// floats here, and sums of floats.
constexpr double kSumTolerance = 1e-4;
// The least that a forecast may be wrong, as a share of its value: quantiles that fall together
// must not leave sums without anybody who gives way.
constexpr double kErrorMin = 1e-4;
// Values are floats.
constexpr double kRounding = 1e-6;
// Rounds of holding at zero what fell below. Two or three are usual.
constexpr int kRoundsMax = 10;
constexpr double kUnknown = std::numeric_limits<double>::infinity();

// One aggregate of the hierarchy.
struct Node {
  size_t issue = 0;  // index into the issues
  size_t index = 0;  // index into the issue's forecasts
  const Forecast* forecast = nullptr;
  size_t median = 0;  // index of its level
  double error_per_width = 0;
  bool total = false;             // of a sum that holds
  int in_total = SumTree::kNone;  // the node of which it is a member
  double leaves = 1;              // members of members that have none themselves
};

// The error that outermost quantiles one apart stand for, in units that are the same for all
// levels: those of a logistic distribution. 0 without quantiles beside the median.
double ErrorPerWidth(const std::vector<double>& levels) {
  if (levels.size() < 2) return 0;
  const auto logit = [](double p) { return std::log(p / (1 - p)); };
  return 1 / (logit(levels.back()) - logit(levels.front()));
}

Node NodeOf(size_t issue, size_t index, const Forecast& forecast) {
  Node node = {.issue = issue, .index = index, .forecast = &forecast};
  if (!forecast.values.empty()) node.median = static_cast<size_t>(forecast.LevelIndex(0.5));
  node.error_per_width = ErrorPerWidth(forecast.quantile_levels);
  return node;
}

bool IsNear(double a, double b) {
  return std::abs(a - b) <= kSumTolerance * std::max(std::abs(a), std::abs(b));
}

// The sum of one total over the aggregates of one rule, while it is put together.
struct Sum {
  int total = 0;
  double last_value = 0;           // of all members
  double last_value_observed = 0;  // of those that have a value at the origin
  std::vector<int> members;

  // A member that fell silent is missing in what was observed of the total.
  bool Holds(double total_last_value) const {
    return IsNear(last_value, total_last_value) || IsNear(last_value_observed, total_last_value);
  }
};

// The nodes of all issues, totals first, and their sums.
class Hierarchy {
 public:
  explicit Hierarchy(std::span<const RuleIssue> issues);

  const std::vector<Node>& nodes() const { return nodes_; }
  const SumTree& tree() const { return tree_; }

 private:
  using Totals = std::vector<std::optional<size_t>>;

  void AddNodes(std::span<const RuleIssue> issues, const Totals& totals);
  void AddSums(std::span<const RuleIssue> issues, const Totals& totals);
  void AddSumsOf(const RuleIssue& members, size_t first_member, const RuleIssue& total,
                 size_t first_total);
  void MakeTree();

  std::vector<Node> nodes_;
  std::vector<size_t> first_node_;  // by issue
  std::vector<Sum> sums_;
  SumTree tree_;
};

Hierarchy::Hierarchy(std::span<const RuleIssue> issues) : tree_({}, {}) {
  std::vector<const Rule*> rules;
  for (const RuleIssue& issue : issues) rules.push_back(&issue.rule->rule);
  const Totals totals = TotalsOf(rules);
  AddNodes(issues, totals);
  AddSums(issues, totals);
  MakeTree();
}

void Hierarchy::AddNodes(std::span<const RuleIssue> issues, const Totals& totals) {
  const auto depth = [&](size_t issue) {
    int steps = 0;
    for (std::optional<size_t> up = totals[issue]; up; up = totals[*up]) ++steps;
    return steps;
  };
  std::vector<size_t> order(issues.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return depth(a) < depth(b); });
  first_node_.resize(issues.size());
  for (const size_t issue : order) {
    first_node_[issue] = nodes_.size();
    const std::vector<Forecast>& forecasts = issues[issue].forecasts->forecasts;
    for (size_t i = 0; i < forecasts.size(); ++i) {
      nodes_.push_back(NodeOf(issue, i, forecasts[i]));
    }
  }
}

void Hierarchy::AddSums(std::span<const RuleIssue> issues, const Totals& totals) {
  for (size_t i = 0; i < issues.size(); ++i) {
    if (totals[i])
      AddSumsOf(issues[i], first_node_[i], issues[*totals[i]], first_node_[*totals[i]]);
  }
  std::erase_if(sums_, [&](const Sum& sum) {
    return !sum.Holds(nodes_[static_cast<size_t>(sum.total)].forecast->last_value);
  });
  std::stable_sort(sums_.begin(), sums_.end(),
                   [](const Sum& a, const Sum& b) { return a.total < b.total; });
}

void Hierarchy::AddSumsOf(const RuleIssue& members, size_t first_member, const RuleIssue& total,
                          size_t first_total) {
  absl::flat_hash_map<LabelSet, int> total_of;
  for (size_t i = 0; i < total.forecasts->forecasts.size(); ++i) {
    total_of.emplace(total.forecasts->forecasts[i].labels, static_cast<int>(first_total + i));
  }
  absl::flat_hash_map<int, size_t> sum_of;  // by total, index into sums_
  for (size_t i = 0; i < members.forecasts->forecasts.size(); ++i) {
    const Forecast& member = members.forecasts->forecasts[i];
    const auto found = total_of.find(
        TotalLabels(members.rule->rule.values, member.labels, total.rule->rule.values));
    if (found == total_of.end()) continue;
    const auto [it, is_new] = sum_of.try_emplace(found->second, sums_.size());
    if (is_new) sums_.push_back({.total = found->second});
    Sum& sum = sums_[it->second];
    sum.members.push_back(static_cast<int>(first_member + i));
    sum.last_value += member.last_value;
    if (member.reason != "gap") sum.last_value_observed += member.last_value;
  }
}

void Hierarchy::MakeTree() {
  std::vector<int> total_of_sum;
  std::vector<int> sum_of_node(nodes_.size(), SumTree::kNone);
  for (const Sum& sum : sums_) {
    for (const int member : sum.members) {
      sum_of_node[static_cast<size_t>(member)] = static_cast<int>(total_of_sum.size());
      nodes_[static_cast<size_t>(member)].in_total = sum.total;
    }
    total_of_sum.push_back(sum.total);
  }
  // Deepest totals first, so that the members' own leaves are known.
  for (size_t s = sums_.size(); s-- > 0;) {
    double leaves = 0;
    for (const int member : sums_[s].members) leaves += nodes_[static_cast<size_t>(member)].leaves;
    Node& total = nodes_[static_cast<size_t>(sums_[s].total)];
    total.total = true;
    total.leaves = std::max(total.leaves, leaves);
  }
  tree_ = SumTree(std::move(total_of_sum), std::move(sum_of_node));
}

// Whether the forecast is that nothing changes.
bool SaysNoChange(const Forecast& forecast, float median) {
  return std::abs(median - forecast.last_value) <= kRounding * std::abs(forecast.last_value);
}

// What the forecasts say at one lead, and how sure of it they are.
class LeadProblem {
 public:
  explicit LeadProblem(const Hierarchy& hierarchy);

  // The shift of each node's forecast `k` steps ahead that makes the medians add up; nothing when
  // zero bounds too much to settle.
  std::optional<std::span<const double>> Solve(int k);

 private:
  void Read(int k);
  void ReadForecast(size_t v, std::span<const float> row);
  double ErrorVariance(const Node& node, std::span<const float> row) const;
  // Holds at zero what may not be below it. False when nothing is.
  bool HoldNegatives();

  const Hierarchy& hierarchy_;
  bool have_spreads_ = true;  // every forecast has quantiles beside the median
  std::vector<double> medians_;
  std::vector<double> variances_;
  std::vector<bool> held_;  // nothing changes, in the total neither
  std::vector<double> values_;
};

LeadProblem::LeadProblem(const Hierarchy& hierarchy)
    : hierarchy_(hierarchy),
      medians_(hierarchy.nodes().size()),
      variances_(hierarchy.nodes().size()),
      held_(hierarchy.nodes().size()),
      values_(hierarchy.nodes().size()) {
  for (const Node& node : hierarchy.nodes()) {
    have_spreads_ &= node.forecast->values.empty() || node.error_per_width > 0;
  }
}

double LeadProblem::ErrorVariance(const Node& node, std::span<const float> row) const {
  if (!have_spreads_) return node.leaves;
  const double error = node.error_per_width * (static_cast<double>(row.back()) - row.front());
  const double least = kErrorMin * row[node.median];
  return std::max(error * error, least * least);
}

void LeadProblem::ReadForecast(size_t v, std::span<const float> row) {
  const Node& node = hierarchy_.nodes()[v];
  medians_[v] = row[node.median];
  // Totals come before their members.
  const bool total_held =
      node.in_total == SumTree::kNone || held_[static_cast<size_t>(node.in_total)];
  held_[v] = total_held && SaysNoChange(*node.forecast, row[node.median]);
  // A total still gives way to members that are held.
  const double least = kErrorMin * medians_[v];
  variances_[v] = !held_[v] ? ErrorVariance(node, row) : node.total ? least * least : 0;
  // One number that is none must not spread over the hierarchy.
  if (!std::isfinite(medians_[v]) || !std::isfinite(variances_[v])) variances_[v] = kUnknown;
}

void LeadProblem::Read(int k) {
  std::fill(held_.begin(), held_.end(), false);
  for (size_t v = 0; v < medians_.size(); ++v) {
    const Node& node = hierarchy_.nodes()[v];
    const Forecast& forecast = *node.forecast;
    if (forecast.values.empty()) {
      // An abstention. A total is known from its members, a member from its last value alone.
      medians_[v] = forecast.last_value;
      variances_[v] = node.total      ? kUnknown
                      : have_spreads_ ? forecast.last_value * forecast.last_value
                                      : node.leaves;
      continue;
    }
    if (k > forecast.horizon_steps()) {
      variances_[v] = kUnknown;
      continue;
    }
    const size_t levels = forecast.quantile_levels.size();
    const std::span<const float> row(&forecast.values[static_cast<size_t>(k - 1) * levels], levels);
    ReadForecast(v, row);
  }
}

bool LeadProblem::HoldNegatives() {
  bool held = false;
  for (size_t v = 0; v < values_.size(); ++v) {
    if (!(values_[v] < 0) || !hierarchy_.nodes()[v].forecast->never_negative) continue;
    medians_[v] = 0;
    variances_[v] = 0;
    held = true;
  }
  return held;
}

std::optional<std::span<const double>> LeadProblem::Solve(int k) {
  Read(k);
  for (int round = 0; round < kRoundsMax; ++round) {
    values_ = medians_;
    hierarchy_.tree().Reconcile(variances_, values_);
    if (!HoldNegatives()) return values_;
  }
  return std::nullopt;
}

// Moves the quantiles of the forecast `k` steps ahead so that its median becomes `median`.
void MoveTo(double median, int k, const Node& node, Forecast& forecast) {
  const size_t levels = forecast.quantile_levels.size();
  const std::span<float> row(&forecast.values[static_cast<size_t>(k - 1) * levels], levels);
  const double shift = median - row[node.median];
  if (shift == 0 || !std::isfinite(shift)) return;
  for (float& value : row) {
    const double moved = value + shift;
    value = static_cast<float>(node.forecast->never_negative ? std::max(0.0, moved) : moved);
  }
}

// Copies of the issues' forecasts, whose values may be changed.
std::vector<std::shared_ptr<RuleForecasts>> CopiesOf(std::span<const RuleIssue> issues) {
  std::vector<std::shared_ptr<RuleForecasts>> copies;
  for (const RuleIssue& issue : issues) {
    copies.push_back(std::make_shared<RuleForecasts>(*issue.forecasts));
  }
  return copies;
}

}  // namespace

std::vector<RuleIssue> Coherent(std::span<const RuleIssue> issues) {
  std::vector<RuleIssue> result(issues.begin(), issues.end());
  const Hierarchy hierarchy(issues);
  if (hierarchy.tree().sums() == 0) return result;
  const std::vector<std::shared_ptr<RuleForecasts>> copies = CopiesOf(issues);
  int horizon_steps = 0;
  for (const Node& node : hierarchy.nodes()) {
    horizon_steps = std::max(horizon_steps, node.forecast->horizon_steps());
  }
  LeadProblem problem(hierarchy);
  for (int k = 1; k <= horizon_steps; ++k) {
    const auto medians = problem.Solve(k);
    if (!medians) continue;
    for (size_t v = 0; v < medians->size(); ++v) {
      const Node& node = hierarchy.nodes()[v];
      Forecast& forecast = copies[node.issue]->forecasts[node.index];
      if (k > forecast.horizon_steps()) continue;
      MoveTo((*medians)[v], k, node, forecast);
    }
  }
  for (size_t i = 0; i < issues.size(); ++i) result[i].forecasts = copies[i];
  return result;
}

void CoherentIssues::Add(const ActiveRule& rule, std::shared_ptr<const RuleForecasts> forecasts) {
  latest_[rule.rule.name] = {rule.values_id, std::move(forecasts), true};
}

std::vector<RuleIssue> CoherentIssues::Take(const ActiveRules& rules) {
  std::erase_if(latest_, [&](const auto& entry) {
    const ActiveRule* rule = rules.Find(entry.first);
    return rule == nullptr || rule->values_id != entry.second.values_id;
  });
  std::vector<RuleIssue> to_publish;
  std::vector<RuleIssue> reconciling;
  std::vector<const Rule*> their_rules;
  for (const ActiveRule& active : rules.rules) {
    const auto found = latest_.find(active.rule.name);
    if (found == latest_.end()) continue;
    const RuleIssue issue = {&active, found->second.forecasts};
    if (active.rule.reconcile) {
      reconciling.push_back(issue);
      their_rules.push_back(&active.rule);
    } else {
      if (found->second.added) to_publish.push_back(issue);
      latest_.erase(found);
    }
  }
  const std::vector<std::optional<size_t>> totals = TotalsOf(their_rules);

  struct Group {
    std::vector<RuleIssue> issues;
    bool added = false;
  };
  std::map<std::pair<size_t, TimestampMs>, Group> groups;  // by topmost total and origin
  for (size_t i = 0; i < reconciling.size(); ++i) {
    size_t top = i;
    while (totals[top]) top = *totals[top];
    Group& group = groups[{top, reconciling[i].forecasts->origin_ms}];
    group.issues.push_back(reconciling[i]);
    group.added |= std::exchange(latest_[their_rules[i]->name].added, false);
  }
  for (const auto& [key, group] : groups) {
    if (!group.added) continue;
    std::vector<RuleIssue> coherent = Coherent(group.issues);
    std::move(coherent.begin(), coherent.end(), std::back_inserter(to_publish));
  }
  return to_publish;
}

}  // namespace auspex
