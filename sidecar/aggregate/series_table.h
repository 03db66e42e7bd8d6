// Every series that some rule wants: the aggregates it is a member of, and its buffered samples.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "sidecar/aggregate/router.h"
#include "sidecar/aggregate/rule_state.h"
#include "sidecar/aggregate/sample_buffer.h"
#include "sidecar/core/label_view.h"
#include "sidecar/core/series_hash.h"

namespace auspex {

struct Membership {
  RuleState* rule = nullptr;
  uint32_t aggregate = 0;
};

// A wanted series. Its labels are not kept: `identity` is the hash of the canonical ones.
struct Series {
  absl::InlinedVector<Membership, 1> memberships;  // empty while the position is free
  SampleBuffer buffer;                             // under the lock of its stripe
  SeriesHash identity;
  std::atomic<uint32_t> logged_epoch = 0;  // of the pending log, in which its labels were written
  std::atomic<bool> used = false;          // in this generation
};

// Thread-compatible: const methods, and at() for different parts of a series, may run at the same
// time as each other.
class SeriesTable {
 public:
  SeriesTable(size_t series_max, size_t router_entries_max);

  // Takes other rules, which must live until the next SetRules; null entries are skipped. Series of
  // rules whose pointers stay keep their buffers. Call it before the other rules are destroyed.
  void SetRules(std::span<const std::unique_ptr<RuleState>> rules);

  // The remembered answer for a key, or kUnknown.
  SeriesIndex Find(const SeriesHash& key) const { return router_.Find(key); }
  void Prefetch(const SeriesHash& key) const { router_.Prefetch(key); }

  // Labels that are to be learned: what all rules say about them.
  struct Candidate {
    SeriesHash identity;
    std::vector<RouteTarget> targets;
  };
  Candidate Examine(std::span<const LabelView> labels) const;

  // Remembers the answer for a key: the series, made on first sight; kUnwanted; or kRefused when it
  // does not fit under series_max, or under aggregates_max of every rule that wants it.
  // REQUIRES: no SetRules since Examine.
  SeriesIndex Learn(const SeriesHash& key, const Candidate& candidate);
  // Remembers an answer that is no series.
  void Learn(const SeriesHash& key, SeriesIndex answer) { router_.Remember(key, answer, true); }
  // As Learn, for labels without a key.
  SeriesIndex Resolve(const Candidate& candidate) { return ResolveAll(candidate).series; }

  Series& at(SeriesIndex index) const { return chunks_[index / kChunk][index % kChunk]; }

  // Drops samples that no open step needs, and returns how many those were.
  static size_t Trim(Series& series);

  // Forgets series without samples that were not sent since the last call.
  void NextGeneration();

  size_t size() const { return by_identity_.size(); }
  size_t router_entries() const { return router_.entries(); }
  // Buffered samples of all series, counted one by one.
  size_t CountSamples() const;

 private:
  static constexpr SeriesIndex kChunk = 256;

  // A route and whether it may be remembered for good.
  struct Resolved {
    SeriesIndex series;
    bool lasting;
  };
  Resolved ResolveAll(const Candidate& candidate);
  SeriesIndex Create(const SeriesHash& identity);
  void Remove(SeriesIndex index);

  const size_t series_max_;
  const SeriesHasher hasher_;
  Router router_;
  std::vector<RuleState*> rules_;
  std::vector<std::unique_ptr<Series[]>> chunks_;  // of kChunk, so that series never move
  SeriesIndex positions_ = 0;                      // of series that are or were
  std::vector<SeriesIndex> free_;
  absl::flat_hash_map<SeriesHash, SeriesIndex> by_identity_;
};

}  // namespace auspex
