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
  for (SeriesIndex index = 0; index < positions_; ++index) {
    auto& memberships = at(index).memberships;
    if (memberships.empty()) continue;
    const auto gone = [this](const Membership& membership) {
      return std::ranges::find(rules_, membership.rule) == rules_.end();
    };
    memberships.erase(std::remove_if(memberships.begin(), memberships.end(), gone),
                      memberships.end());
    if (memberships.empty()) Remove(index);
  }
}

SeriesTable::Candidate SeriesTable::Examine(std::span<const LabelView> labels) const {
  const LabelSet canonical = Canonical(labels);
  std::string scratch;
  return {.identity = hasher_.Labels(canonical, scratch), .targets = router_.Match(canonical)};
}

SeriesIndex SeriesTable::Learn(const SeriesHash& key, const Candidate& candidate) {
  const Resolved resolved = ResolveAll(candidate);
  router_.Remember(key, resolved.series, resolved.lasting);
  return resolved.series;
}

SeriesTable::Resolved SeriesTable::ResolveAll(const Candidate& candidate) {
  if (candidate.targets.empty()) return {.series = kUnwanted, .lasting = true};
  const auto known = by_identity_.find(candidate.identity);
  SeriesIndex index = known == by_identity_.end() ? Create(candidate.identity) : known->second;
  if (index == kRefused) return {.series = kRefused, .lasting = false};
  at(index).used = true;

  bool complete = true;
  for (const RouteTarget& target : candidate.targets) {
    RuleState* rule = rules_[target.rule];
    if (HasRule(at(index), rule)) continue;
    const std::optional<uint32_t> aggregate =
        rule->aggregates.Join(target.aggregate, rule->aggregates_max);
    if (aggregate) {
      at(index).memberships.push_back({.rule = rule, .aggregate = *aggregate});
      rule->members.push_back({.series = index, .aggregate = *aggregate});
    } else {
      rule->metrics.refused_series->Increment();
      ++rule->refusals_to_log;
      complete = false;
    }
  }
  if (at(index).memberships.empty()) {
    Remove(index);
    index = kRefused;
  }
  return {.series = index, .lasting = complete};
}

SeriesIndex SeriesTable::Create(const SeriesHash& identity) {
  if (by_identity_.size() >= series_max_) return kRefused;
  if (free_.empty()) {
    if (positions_ % kChunk == 0) chunks_.push_back(std::make_unique<Series[]>(kChunk));
    free_.push_back(positions_++);
  }
  const SeriesIndex index = free_.back();
  free_.pop_back();
  at(index).identity = identity;
  by_identity_.emplace(identity, index);
  return index;
}

void SeriesTable::Remove(SeriesIndex index) {
  Series& series = at(index);
  for (const Membership& membership : series.memberships) {
    membership.rule->aggregates.Leave(membership.aggregate);
  }
  by_identity_.erase(series.identity);
  series.memberships.clear();
  series.buffer = SampleBuffer();
  series.logged_epoch = 0;
  series.used = false;
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
  for (SeriesIndex index = 0; index < positions_; ++index) {
    Series& series = at(index);
    if (series.memberships.empty()) continue;
    if (!series.used && series.buffer.empty()) Remove(index);
    series.used = false;
  }
  for (RuleState* rule : rules_) {
    std::erase_if(rule->members,
                  [&](const Member& member) { return !HasRule(at(member.series), rule); });
  }
}

size_t SeriesTable::CountSamples() const {
  size_t count = 0;
  for (SeriesIndex index = 0; index < positions_; ++index) count += at(index).buffer.size();
  return count;
}

}  // namespace auspex
