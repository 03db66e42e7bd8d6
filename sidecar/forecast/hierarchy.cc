#include "sidecar/forecast/hierarchy.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace auspex {
namespace {

// Whether the values of a partition of the series add up to the value of all of them.
bool IsAdditive(Aggregate aggregate) {
  return aggregate == Aggregate::kSum || aggregate == Aggregate::kCount;
}

// What two rules of a hierarchy have in common; empty for a rule that takes part in none.
std::string FoldOf(const Rule& rule) {
  if (rule.pulled() || !IsAdditive(rule.values.aggregate)) return "";
  AggregationRule fold = rule.values;
  fold.by.clear();
  return fold.Fingerprint();
}

// The labels of the series that tell the aggregates apart.
std::set<std::string_view> GroupingOf(const AggregationRule& rule) {
  std::set<std::string_view> labels;
  for (const ByLabel& by : rule.by) labels.insert(by.label);
  return labels;
}

bool IsProperSubset(const std::set<std::string_view>& a, const std::set<std::string_view>& b) {
  return a.size() < b.size() && std::includes(b.begin(), b.end(), a.begin(), a.end());
}

}  // namespace

std::vector<std::optional<size_t>> TotalsOf(std::span<const Rule* const> rules) {
  std::vector<std::string> folds;
  std::vector<std::set<std::string_view>> groupings;
  for (const Rule* rule : rules) {
    folds.push_back(FoldOf(*rule));
    groupings.push_back(GroupingOf(rule->values));
  }
  std::vector<std::optional<size_t>> totals(rules.size());
  for (size_t member = 0; member < rules.size(); ++member) {
    if (folds[member].empty()) continue;
    std::optional<size_t>& best = totals[member];
    for (size_t i = 0; i < rules.size(); ++i) {
      if (folds[i] != folds[member] || !IsProperSubset(groupings[i], groupings[member])) continue;
      if (!best || groupings[i].size() > groupings[*best].size()) best = i;
    }
  }
  return totals;
}

LabelSet TotalLabels(const AggregationRule& member, const LabelSet& labels,
                     const AggregationRule& total) {
  std::vector<LabelSet::Label> of_total;
  for (const ByLabel& wanted : total.by) {
    for (const ByLabel& known : member.by) {
      if (known.label != wanted.label) continue;
      of_total.emplace_back(wanted.as, labels.Get(known.as));
      break;
    }
  }
  return LabelSet(std::move(of_total));
}

}  // namespace auspex
