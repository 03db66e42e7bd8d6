// Which steps of a rule are closed, as merged ranges.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "sidecar/history/history.h"

namespace auspex {

// A set of step boundaries on the grid of one step. Not thread-safe.
class ClosedRanges {
 public:
  // REQUIRES: step_ms > 0.
  explicit ClosedRanges(DurationMs step_ms) : step_ms_(step_ms) {}

  // REQUIRES: both ends are boundaries, first <= last.
  void Add(StepRange range);
  // The steps inside `within` that are not in the set. Ends of `within` need not be boundaries.
  std::vector<StepRange> Gaps(StepRange within) const;
  void DropBefore(TimestampMs t_ms);
  bool empty() const { return ranges_.empty(); }
  // The oldest and the newest step, or 0 when there is none.
  TimestampMs First() const;
  TimestampMs Last() const;
  // How many steps between First and Last are not in the set.
  int64_t GapSteps() const;

  std::string Encode() const;
  // DataLoss for foreign bytes.
  absl::Status Decode(std::string_view bytes);

 private:
  DurationMs step_ms_;
  std::map<TimestampMs, TimestampMs> ranges_;  // first -> last; apart by more than a step
};

}  // namespace auspex
