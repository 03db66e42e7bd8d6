// The values of a rule's newest steps, which no block holds yet, in full precision.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

namespace auspex {

// One row per step, with a place for every aggregate: a new step is one allocation of just what it
// needs, where a vector per aggregate would grow thousands of times into memory that it half uses.
// Steps are counted from the oldest that is held. Not thread-safe.
class OpenSteps {
 public:
  // A place in every row, for an aggregate; nothing is set there.
  size_t Join();
  // REQUIRES: no value of the place is set.
  void Leave(size_t place);

  // NaN = missing, as everything that was not set.
  void Set(size_t step, size_t place, double value);
  double Get(size_t step, size_t place) const;

  // No step has a value.
  bool empty() const { return rows_.empty(); }
  // Forgets the oldest `steps`.
  void Drop(size_t steps);

  size_t HeapBytes() const;

 private:
  std::deque<std::vector<double>> rows_;  // by step; may be short, or empty
  size_t places_ = 0;
  std::vector<size_t> free_;  // places below places_
};

}  // namespace auspex
