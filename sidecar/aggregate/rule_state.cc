#include "sidecar/aggregate/rule_state.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <utility>

#include "sidecar/aggregate/over_time.h"

namespace auspex {

std::optional<uint32_t> AggregateTable::Join(const LabelSet& labels, size_t aggregates_max) {
  if (const auto it = by_labels_.find(labels); it != by_labels_.end()) {
    ++entries_[it->second].members;
    return it->second;
  }
  if (by_labels_.size() >= aggregates_max) return std::nullopt;
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(entries_.size()));
    entries_.emplace_back();
  }
  const uint32_t position = free_.back();
  free_.pop_back();
  entries_[position] = {.labels = std::make_shared<const LabelSet>(labels), .members = 1};
  by_labels_.emplace(entries_[position].labels.get(), position);
  return position;
}

void AggregateTable::Leave(uint32_t aggregate) {
  Entry& entry = entries_[aggregate];
  if (--entry.members > 0) return;
  by_labels_.erase(*entry.labels);
  entry.labels = nullptr;
  free_.push_back(aggregate);
}

RuleState::RuleState(AggregationRule aggregation_rule, TimestampMs started_at_ms,
                     prometheus::Registry& registry)
    : rule(std::move(aggregation_rule)),
      id(IdOf(rule)),
      progress(rule.step_ms, OverTimeWindow(rule.over_time, rule.step_ms), started_at_ms),
      dirty(rule.step_ms),
      metrics(registry, rule.name) {}

uint64_t RuleState::IdOf(const AggregationRule& rule) {
  const std::string text = rule.name + '\0' + rule.Fingerprint();
  return XXH3_64bits(text.data(), text.size());
}

}  // namespace auspex
