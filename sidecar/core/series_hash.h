// 128 bits that stand for the labels of a series.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "sidecar/core/label_set.h"
#include "sidecar/core/label_view.h"

namespace auspex {

// Two series that share a hash would be taken for one; with 100 million series the odds of any such
// pair are 1 in 10^22, less than those of a memory error, so that nobody compares the labels as
// well.
struct SeriesHash {
  uint64_t low = 0;
  uint64_t high = 0;
  bool operator==(const SeriesHash&) const = default;

  template <typename H>
  friend H AbslHashValue(H h, const SeriesHash& hash) {
    return H::combine(std::move(h), hash.low);
  }
};

// XXH3 under a secret that each hasher draws: no sender can look for colliding series beforehand,
// and hashes of two hashers have nothing to do with each other. Thread-safe.
class SeriesHasher {
 public:
  SeriesHasher();

  // Of labels as they lie on the wire of remote write 1.0. REQUIRES: not empty.
  SeriesHash WireLabels(std::string_view bytes) const;
  // Of the labels in the order given: a series sent in two orders has two hashes, and differs from
  // the hash of any wire bytes. `scratch` is working memory.
  SeriesHash Labels(std::span<const LabelView> labels, std::string& scratch) const;
  SeriesHash Labels(const LabelSet& labels, std::string& scratch) const;

 private:
  SeriesHash Hash(std::string_view bytes) const;

  std::array<unsigned char, 192> secret_;  // the size that XXH3 uses in full
};

}  // namespace auspex
