// Every series that some rule wants: the aggregates it is a member of, and its buffered samples.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "sidecar/aggregate/router.h"
#include "sidecar/aggregate/rule_state.h"
#include "sidecar/aggregate/sample_buffer.h"
#include "sidecar/core/label_view.h"

namespace auspex {

struct Membership {
  RuleState* rule = nullptr;
  uint32_t aggregate = 0;
};

// A wanted series. Its labels are not kept: `identity` is the hash of the canonical ones.
struct Series {
  SeriesHash identity;
  std::vector<Membership> memberships;  // empty while the position is free
  SampleBuffer buffer;
  bool used = false;  // in this generation
};

// Not thread-safe.
class SeriesTable {
 public:
  SeriesTable(size_t series_max, size_t router_entries_max);

  // Takes other rules, which must live until the next SetRules; null entries are skipped. Series of
  // rules whose pointers stay keep their buffers. Call it before the other rules are destroyed.
  void SetRules(std::span<const std::unique_ptr<RuleState>> rules);

  // The series with these labels, made on first sight; kUnwanted; or kRefused when it does not fit
  // under series_max, or under aggregates_max of every rule that wants it.
  SeriesIndex Route(std::span<const LabelView> labels);

  Series& at(SeriesIndex index) { return series_[index]; }

  // Drops samples that no open step needs, and returns how many those were.
  static size_t Trim(Series& series);

  // Forgets series without samples that were not sent since the last call.
  void NextGeneration();

  size_t size() const { return by_identity_.size(); }
  size_t router_entries() const { return router_.entries(); }
  // Buffered samples of all series, counted one by one.
  size_t CountSamples() const;

 private:
  // A route and whether it may be remembered for good.
  struct Resolved {
    SeriesIndex series;
    bool lasting;
  };
  Resolved Resolve(const LabelSet& labels);
  SeriesIndex Create(const SeriesHash& identity);
  void Remove(Series& series);

  const size_t series_max_;
  Router router_;
  std::vector<RuleState*> rules_;
  std::vector<Series> series_;
  std::vector<SeriesIndex> free_;
  absl::flat_hash_map<SeriesHash, SeriesIndex> by_identity_;
};

}  // namespace auspex
