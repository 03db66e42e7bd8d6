// Labels as small numbers: series that share most of their labels take little memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "sidecar/core/label_set.h"

namespace auspex {

// A series as two symbols: what its aggregate is called, which all series of the aggregate share,
// and which of the aggregate's outputs it is (name, horizon, quantile, ...), which all aggregates
// share. Equal for equal label sets of one LabelSymbols.
struct SeriesSymbols {
  uint32_t aggregate = 0;
  uint32_t output = 0;

  bool operator==(const SeriesSymbols&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const SeriesSymbols& series) {
    return H::combine(std::move(h), series.aggregate, series.output);
  }
};

// Only grows; whoever keeps one for long makes a new one when most of its labels are out of use.
// Not thread-safe.
class LabelSymbols {
 public:
  SeriesSymbols Encode(const LabelSet& labels);
  // REQUIRES: `series` is of this object.
  LabelSet Decode(const SeriesSymbols& series) const;

  // Different labels seen so far.
  size_t size() const { return labels_.size(); }

 private:
  // Some labels of a set, in its order.
  using Part = absl::InlinedVector<uint32_t, 6>;

  uint32_t SymbolOf(const LabelSet::Label& label);
  uint32_t SymbolOf(const Part& part);

  std::deque<LabelSet::Label> labels_;  // never moved: the map's keys point into it
  absl::flat_hash_map<std::pair<std::string_view, std::string_view>, uint32_t> label_symbols_;
  std::deque<Part> parts_;  // by symbol
  absl::flat_hash_map<Part, uint32_t> part_symbols_;
};

}  // namespace auspex
