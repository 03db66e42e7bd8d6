// The samples of one series that open steps still need.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "sidecar/core/sample.h"

namespace auspex {

// Sorted by time, one sample per timestamp. Samples usually arrive in order, and then an insertion
// is an append. A plain value.
class SampleBuffer {
 public:
  // False when there is a sample at that time already: the first value stays, as in Prometheus.
  bool Insert(const Sample& sample);
  // Drops the samples before `t_ms`, and returns how many those were.
  size_t TrimBefore(TimestampMs t_ms);

  std::span<const Sample> samples() const { return samples_; }
  size_t size() const { return samples_.size(); }
  bool empty() const { return samples_.empty(); }

 private:
  std::vector<Sample> samples_;
};

}  // namespace auspex
