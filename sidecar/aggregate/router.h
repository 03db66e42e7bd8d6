// Which rules want a series, remembered under a hash of its labels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "sidecar/core/aggregation_rule.h"
#include "sidecar/core/label_set.h"
#include "sidecar/core/series_hash.h"

namespace auspex {

// Position of a wanted series in the series table, or one of the answers that have none.
using SeriesIndex = uint32_t;
inline constexpr SeriesIndex kUnwanted = UINT32_MAX;       // no rule wants it
inline constexpr SeriesIndex kRefused = UINT32_MAX - 1;    // a limit was reached
inline constexpr SeriesIndex kOwnOutput = UINT32_MAX - 2;  // what we emit ourselves
inline constexpr SeriesIndex kNotTaken = UINT32_MAX - 3;   // not fit to be taken; never remembered
inline constexpr SeriesIndex kUnknown = UINT32_MAX - 4;    // no answer is remembered

inline bool IsSeries(SeriesIndex index) { return index < kUnknown; }

// A rule that wants a series, and the aggregate that the series is a member of there.
struct RouteTarget {
  size_t rule = 0;  // index into the rules given
  LabelSet aggregate;
};

// A remembered answer costs one lookup without allocation. Thread-compatible: const methods may run
// at the same time as each other.
class Router {
 public:
  // At most `entries_max` answers of about 40 bytes are remembered; series beyond it are matched
  // with every sample until others go out of use.
  explicit Router(size_t entries_max);

  // Takes other rules, and forgets every answer.
  void SetRules(std::vector<AggregationRule> rules);

  // The remembered answer, which thereby stays in use, or kUnknown.
  SeriesIndex Find(const SeriesHash& key) const;
  // Brings to the processor what Find is going to need.
  void Prefetch(const SeriesHash& key) const { entries_.prefetch(key); }
  // `lasting` false: the answer is asked for again in the next generation.
  void Remember(const SeriesHash& key, SeriesIndex series, bool lasting);

  // Asks every rule.
  std::vector<RouteTarget> Match(const LabelSet& labels) const;

  // Forgets the answers that nobody asked for since the last call.
  void NextGeneration();

  size_t entries() const { return entries_.size(); }

 private:
  struct Entry {
    SeriesIndex series;
    bool lasting;
    mutable bool used;  // in this generation; set by many threads at once, so only atomically
  };

  const size_t entries_max_;
  std::vector<AggregationRule> rules_;
  absl::flat_hash_map<SeriesHash, Entry> entries_;
};

}  // namespace auspex
