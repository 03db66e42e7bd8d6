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

// A series as the symbols of its labels, in the order of the label set. Equal for equal label sets
// of one LabelSymbols. Eight labels are usual.
using SeriesSymbols = absl::InlinedVector<uint32_t, 10>;

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
  std::deque<LabelSet::Label> labels_;  // never moved: the map's keys point into it
  absl::flat_hash_map<std::pair<std::string_view, std::string_view>, uint32_t> symbols_;
};

}  // namespace auspex
