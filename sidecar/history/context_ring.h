// The newest steps of one aggregate in memory, as floats.
#pragma once

#include <span>
#include <vector>

#include "sidecar/core/sample.h"

namespace auspex {

// Holds the last `steps` steps up to the newest one that was set. A step's place is its number on
// the grid modulo the size, so that nothing ever moves. Not thread-safe.
class ContextRing {
 public:
  ContextRing(size_t steps, DurationMs step_ms);

  // Sets a step; NaN = missing. Steps older than the ring are ignored.
  void Set(TimestampMs t_ms, double value);
  // The `out.size()` steps that end at `last_ms`, oldest first; NaN where unknown.
  void Copy(TimestampMs last_ms, std::span<float> out) const;

  size_t HeapBytes() const { return values_.capacity() * sizeof(float); }

 private:
  size_t Place(int64_t step) const;
  bool Holds(int64_t step) const;

  DurationMs step_ms_;
  int64_t newest_step_ = 0;  // number on the grid; valid when !empty_
  bool empty_ = true;
  std::vector<float> values_;
};

}  // namespace auspex
