#include "sidecar/history/closed_ranges.h"

#include <algorithm>
#include <iterator>

#include "sidecar/core/duration.h"
#include "sidecar/history/keys.h"

namespace auspex {

void ClosedRanges::Add(StepRange range) {
  auto it = ranges_.upper_bound(range.first_ms);
  if (it != ranges_.begin() && std::prev(it)->second >= range.first_ms - step_ms_) --it;
  while (it != ranges_.end() && it->first <= range.last_ms + step_ms_) {
    range.first_ms = std::min(range.first_ms, it->first);
    range.last_ms = std::max(range.last_ms, it->second);
    it = ranges_.erase(it);
  }
  ranges_[range.first_ms] = range.last_ms;
}

std::vector<StepRange> ClosedRanges::Gaps(StepRange within) const {
  TimestampMs next_ms = StepCeil(within.first_ms, step_ms_);
  const TimestampMs last_ms = StepFloor(within.last_ms, step_ms_);
  std::vector<StepRange> gaps;
  for (const auto& [first, last] : ranges_) {
    if (last < next_ms) continue;
    if (first > last_ms) break;
    if (first > next_ms) gaps.push_back({next_ms, first - step_ms_});
    next_ms = last + step_ms_;
  }
  if (next_ms <= last_ms) gaps.push_back({next_ms, last_ms});
  return gaps;
}

void ClosedRanges::DropBefore(TimestampMs t_ms) {
  const TimestampMs first_kept_ms = StepCeil(t_ms, step_ms_);
  while (!ranges_.empty() && ranges_.begin()->first < first_kept_ms) {
    const TimestampMs last_ms = ranges_.begin()->second;
    ranges_.erase(ranges_.begin());
    if (last_ms >= first_kept_ms) ranges_[first_kept_ms] = last_ms;
  }
}

TimestampMs ClosedRanges::First() const { return ranges_.empty() ? 0 : ranges_.begin()->first; }

TimestampMs ClosedRanges::Last() const { return ranges_.empty() ? 0 : ranges_.rbegin()->second; }

int64_t ClosedRanges::GapSteps() const {
  int64_t steps = 0;
  TimestampMs previous_last_ms = First() - step_ms_;
  for (const auto& [first, last] : ranges_) {
    steps += (first - previous_last_ms) / step_ms_ - 1;
    previous_last_ms = last;
  }
  return steps;
}

std::string ClosedRanges::Encode() const {
  std::string bytes;
  for (const auto& [first, last] : ranges_) {
    PutBigEndian64(static_cast<uint64_t>(first), &bytes);
    PutBigEndian64(static_cast<uint64_t>(last), &bytes);
  }
  return bytes;
}

absl::Status ClosedRanges::Decode(std::string_view bytes) {
  if (bytes.size() % 16 != 0) return absl::DataLossError("closed ranges of a broken length");
  ranges_.clear();
  for (; !bytes.empty(); bytes.remove_prefix(16)) {
    const auto first = static_cast<TimestampMs>(GetBigEndian64(bytes));
    const auto last = static_cast<TimestampMs>(GetBigEndian64(bytes.substr(8)));
    if (first > last) return absl::DataLossError("a closed range that ends before it begins");
    Add({first, last});
  }
  return absl::OkStatus();
}

}  // namespace auspex
