#include "sidecar/aggregate/router.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <random>
#include <string_view>
#include <utility>

namespace auspex {
namespace {

uint64_t RandomSeed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

// Appends the text after its length, so that no two label sets have the same bytes.
void AppendText(std::string_view text, std::string& out) {
  const auto size = static_cast<uint32_t>(text.size());
  out.append(reinterpret_cast<const char*>(&size), sizeof(size));
  out.append(text);
}

SeriesHash HashBytes(std::string_view bytes, uint64_t seed) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
  return {.low = hash.low64, .high = hash.high64};
}

}  // namespace

Router::Router(size_t entries_max) : entries_max_(entries_max), seed_(RandomSeed()) {}

void Router::SetRules(std::vector<AggregationRule> rules) {
  rules_ = std::move(rules);
  entries_.clear();
}

SeriesHash Router::Hash(std::span<const LabelView> labels) {
  scratch_.clear();
  for (const LabelView& label : labels) {
    AppendText(label.name, scratch_);
    AppendText(label.value, scratch_);
  }
  return HashBytes(scratch_, seed_);
}

SeriesHash Router::Hash(const LabelSet& labels) {
  scratch_.clear();
  for (const auto& [name, value] : labels.labels()) {
    AppendText(name, scratch_);
    AppendText(value, scratch_);
  }
  return HashBytes(scratch_, seed_);
}

std::optional<SeriesIndex> Router::Find(const SeriesHash& hash) {
  const auto it = entries_.find(hash);
  if (it == entries_.end()) return std::nullopt;
  it->second.used = true;
  return it->second.series;
}

void Router::Remember(const SeriesHash& hash, SeriesIndex series, bool lasting) {
  if (entries_.size() >= entries_max_) return;
  entries_[hash] = {.series = series, .lasting = lasting, .used = true};
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
