#include "sidecar/aggregate/router.h"

#include <atomic>
#include <utility>

namespace auspex {

Router::Router(size_t entries_max) : entries_max_(entries_max) {}

void Router::SetRules(std::vector<AggregationRule> rules) {
  rules_ = std::move(rules);
  entries_.clear();
}

SeriesIndex Router::Find(const SeriesHash& key) const {
  const auto it = entries_.find(key);
  if (it == entries_.end()) return kUnknown;
  const std::atomic_ref<bool> used(it->second.used);
  // Written once a generation, or the cache line would go from core to core.
  if (!used.load(std::memory_order_relaxed)) used.store(true, std::memory_order_relaxed);
  return it->second.series;
}

void Router::Remember(const SeriesHash& key, SeriesIndex series, bool lasting) {
  if (entries_.size() >= entries_max_) return;
  entries_[key] = {.series = series, .lasting = lasting, .used = true};
}

std::vector<RouteTarget> Router::Match(const LabelSet& labels) const {
  std::vector<RouteTarget> targets;
  for (size_t i = 0; i < rules_.size(); ++i) {
    if (!rules_[i].selector.Matches(labels)) continue;
    targets.push_back({.rule = i, .aggregate = AggregateKey(labels, rules_[i].by)});
  }
  return targets;
}

void Router::NextGeneration() {
  for (auto it = entries_.begin(); it != entries_.end();) {
    if (it->second.used && it->second.lasting) {
      it->second.used = false;
      ++it;
    } else {
      entries_.erase(it++);
    }
  }
}

}  // namespace auspex
