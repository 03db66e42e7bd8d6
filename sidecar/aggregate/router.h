// Which rules want a series, remembered under a hash of its labels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "sidecar/core/aggregation_rule.h"
#include "sidecar/core/label_set.h"
#include "sidecar/core/label_view.h"

namespace auspex {

// 128 bits of XXH3 under a seed that each process draws. Two series that share a hash would be
// taken for one; with 100 million series the odds of any such pair are 1 in 10^22, less than those
// of a memory error, so a hit is not verified against the labels. The seed keeps a sender from
// looking for pairs beforehand.
struct SeriesHash {
  uint64_t low = 0;
  uint64_t high = 0;
  bool operator==(const SeriesHash&) const = default;

  template <typename H>
  friend H AbslHashValue(H h, const SeriesHash& hash) {
    return H::combine(std::move(h), hash.low);
  }
};

// Position of a wanted series in the series table, or one of the two answers that have none.
using SeriesIndex = uint32_t;
inline constexpr SeriesIndex kUnwanted = UINT32_MAX;     // no rule wants it
inline constexpr SeriesIndex kRefused = UINT32_MAX - 1;  // a limit was reached

// A rule that wants a series, and the aggregate that the series is a member of there.
struct RouteTarget {
  size_t rule = 0;  // index into the rules given
  LabelSet aggregate;
};

// Not thread-safe. A remembered answer, also the answer that no rule wants a series, costs one hash
// and one lookup without allocation.
class Router {
 public:
  // At most `entries_max` answers of about 32 bytes are remembered; series beyond it are matched
  // with every sample until others go out of use.
  explicit Router(size_t entries_max);

  // Takes other rules, and forgets every answer.
  void SetRules(std::vector<AggregationRule> rules);

  // Of the labels in the order given: a series sent in two orders has two hashes.
  SeriesHash Hash(std::span<const LabelView> labels);
  SeriesHash Hash(const LabelSet& labels);

  // The remembered answer, which thereby stays in use.
  std::optional<SeriesIndex> Find(const SeriesHash& hash);
  // `lasting` false: the answer is asked for again in the next generation.
  void Remember(const SeriesHash& hash, SeriesIndex series, bool lasting);

  // Asks every rule.
  std::vector<RouteTarget> Match(const LabelSet& labels) const;

  // Forgets the answers that nobody asked for since the last call.
  void NextGeneration();

  size_t entries() const { return entries_.size(); }

 private:
  struct Entry {
    SeriesIndex series;
    bool lasting;
    bool used;  // in this generation
  };

  const size_t entries_max_;
  const uint64_t seed_;
  std::vector<AggregationRule> rules_;
  absl::flat_hash_map<SeriesHash, Entry> entries_;
  std::string scratch_;  // the bytes being hashed; kept for its capacity
};

}  // namespace auspex
