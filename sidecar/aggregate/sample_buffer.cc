#include "sidecar/aggregate/sample_buffer.h"

#include <algorithm>

namespace auspex {
namespace {

// A buffer keeps room for a few samples more than it holds; what a burst left is given back.
constexpr size_t kSpareSamplesMax = 32;

}  // namespace

bool SampleBuffer::Insert(const Sample& sample) {
  if (samples_.empty() || samples_.back().timestamp_ms < sample.timestamp_ms) {
    samples_.push_back(sample);
    return true;
  }
  const auto at =
      std::ranges::lower_bound(samples_, sample.timestamp_ms, {}, &Sample::timestamp_ms);
  if (at->timestamp_ms == sample.timestamp_ms) return false;
  samples_.insert(at, sample);
  return true;
}

size_t SampleBuffer::TrimBefore(TimestampMs t_ms) {
  const auto keep = std::ranges::lower_bound(samples_, t_ms, {}, &Sample::timestamp_ms);
  const auto dropped = static_cast<size_t>(keep - samples_.begin());
  samples_.erase(samples_.begin(), keep);
  if (samples_.capacity() > 2 * samples_.size() + kSpareSamplesMax) samples_.shrink_to_fit();
  return dropped;
}

}  // namespace auspex
