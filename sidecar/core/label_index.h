// A map from labels that are kept elsewhere.
#pragma once

#include <cstddef>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "sidecar/core/label_set.h"

namespace auspex {

// Label sets and pointers to them are the same by what they say.
struct LabelsHash {
  using is_transparent = void;
  size_t operator()(const LabelSet& labels) const { return absl::HashOf(labels); }
  size_t operator()(const LabelSet* labels) const { return absl::HashOf(*labels); }
};
struct LabelsEqual {
  using is_transparent = void;
  static const LabelSet& Of(const LabelSet& labels) { return labels; }
  static const LabelSet& Of(const LabelSet* labels) { return *labels; }
  template <typename A, typename B>
  bool operator()(const A& a, const B& b) const {
    return Of(a) == Of(b);
  }
};

// Keys point to label sets that whoever uses the map keeps unmoved and unchanged: thousands of
// aggregates would otherwise hold their labels twice. Find and erase take a LabelSet.
template <typename Value>
using LabelIndex = absl::flat_hash_map<const LabelSet*, Value, LabelsHash, LabelsEqual>;

}  // namespace auspex
