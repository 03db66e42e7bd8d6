#include "sidecar/aggregate/series_table.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace auspex {
namespace {

LabelSet Canonical(std::span<const LabelView> labels) {
  std::vector<LabelSet::Label> owned;
  owned.reserve(labels.size());
  for (const LabelView& label : labels) owned.emplace_back(label.name, label.value);
  return LabelSet(std::move(owned));
}

bool HasRule(const Series& series, const RuleState* rule) {
  return std::ranges::any_of(series.memberships,
                             [&](const Membership& m) { return m.rule == rule; });
}

}  // namespace

SeriesTable::SeriesTable(size_t series_max, size_t router_entries_max)
    : series_max_(series_max), router_(router_entries_max) {}

void SeriesTable::SetRules(std::span<const std::unique_ptr<RuleState>> rules) {
  std::vector<AggregationRule> plain;
  rules_.clear();
  for (const auto& rule : rules) {
    if (rule == nullptr) continue;
    rules_.push_back(rule.get());
    plain.push_back(rule->rule);
  }
  router_.SetRules(std::move(plain));
  for (Series& series : series_) {
    if (series.memberships.empty()) continue;
    std::erase_if(series.memberships, [&](const Membership& membership) {
      return std::ranges::find(rules_, membership.rule) == rules_.end();
    });
    if (series.memberships.empty()) Remove(series);
  }
}

SeriesIndex SeriesTable::Route(std::span<const LabelView> labels) {
  const SeriesHash hash = router_.Hash(labels);
  SeriesIndex index;
  if (const std::optional<SeriesIndex> known = router_.Find(hash)) {
    index = *known;
  } else {
    const Resolved resolved = Resolve(Canonical(labels));
    router_.Remember(hash, resolved.series, resolved.lasting);
    index = resolved.series;
  }
  if (index < kRefused) series_[index].used = true;
  return index;
}

SeriesTable::Resolved SeriesTable::Resolve(const LabelSet& labels) {
  const std::vector<RouteTarget> targets = router_.Match(labels);
  if (targets.empty()) return {.series = kUnwanted, .lasting = true};
  const SeriesHash identity = router_.Hash(labels);
  const auto known = by_identity_.find(identity);
  SeriesIndex index = known == by_identity_.end() ? Create(identity) : known->second;
  if (index == kRefused) return {.series = kRefused, .lasting = false};

  bool complete = true;
  for (const RouteTarget& target : targets) {
    RuleState* rule = rules_[target.rule];
    if (HasRule(series_[index], rule)) continue;
    const std::optional<uint32_t> aggregate =
        rule->aggregates.Join(target.aggregate, rule->aggregates_max);
    if (aggregate) {
      series_[index].memberships.push_back({.rule = rule, .aggregate = *aggregate});
      rule->members.push_back({.series = index, .aggregate = *aggregate});
    } else {
      rule->metrics.refused_series->Increment();
      ++rule->refusals_to_log;
      complete = false;
    }
  }
  if (series_[index].memberships.empty()) {
    Remove(series_[index]);
    index = kRefused;
  }
  return {.series = index, .lasting = complete};
}

SeriesIndex SeriesTable::Create(const SeriesHash& identity) {
  if (by_identity_.size() >= series_max_) return kRefused;
  if (free_.empty()) {
    free_.push_back(static_cast<SeriesIndex>(series_.size()));
    series_.emplace_back();
  }
  const SeriesIndex index = free_.back();
  free_.pop_back();
  series_[index].identity = identity;
  by_identity_.emplace(identity, index);
  return index;
}

void SeriesTable::Remove(Series& series) {
  const auto index = static_cast<SeriesIndex>(&series - series_.data());
  for (const Membership& membership : series.memberships) {
    membership.rule->aggregates.Leave(membership.aggregate);
  }
  by_identity_.erase(series.identity);
  series = Series();
  free_.push_back(index);
}

size_t SeriesTable::Trim(Series& series) {
  TimestampMs keep_from_ms = std::numeric_limits<TimestampMs>::max();
  for (const Membership& membership : series.memberships) {
    keep_from_ms = std::min(keep_from_ms, membership.rule->progress.keep_from_ms());
  }
  return series.buffer.TrimBefore(keep_from_ms);
}

void SeriesTable::NextGeneration() {
  // The router first: it forgets every answer that names a series which goes now.
  router_.NextGeneration();
  for (Series& series : series_) {
    if (series.memberships.empty()) continue;
    if (!series.used && series.buffer.empty()) Remove(series);
    series.used = false;
  }
  for (RuleState* rule : rules_) {
    std::erase_if(rule->members,
                  [&](const Member& member) { return !HasRule(series_[member.series], rule); });
  }
}

size_t SeriesTable::CountSamples() const {
  size_t count = 0;
  for (const Series& series : series_) count += series.buffer.size();
  return count;
}

}  // namespace auspex
