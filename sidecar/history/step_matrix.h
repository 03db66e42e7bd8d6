// Values of several aggregates at a run of steps.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "absl/container/flat_hash_map.h"
#include "sidecar/core/forecast.h"
#include "sidecar/core/sample.h"
#include "sidecar/history/history.h"

namespace auspex {

// A view of [aggregates.size()][steps of the range], NaN missing; aggregates that are not named are
// missing at every step. Cheap to copy. What it was made of must outlive it.
class StepMatrix {
 public:
  // REQUIRES: both ends of `range` are boundaries, first <= last, and `values` has that shape.
  StepMatrix(StepRange range, DurationMs step_ms, std::span<const AggregateId> aggregates,
             std::span<const double> values);

  // The columns of `part`. REQUIRES: `part` lies in range().
  StepMatrix Part(StepRange part) const;

  StepRange range() const { return range_; }
  size_t steps() const { return Columns(range_); }
  std::span<const AggregateId> aggregates() const { return aggregates_; }
  // One value per step, of the i-th aggregate.
  std::span<const double> Row(size_t i) const;
  // The same by id; empty when the aggregate is not named.
  std::span<const double> RowOf(AggregateId aggregate) const;

 private:
  using Index = absl::flat_hash_map<AggregateId, size_t>;

  size_t Columns(StepRange range) const {
    return static_cast<size_t>((range.last_ms - range.first_ms) / step_ms_ + 1);
  }

  StepRange range_;
  DurationMs step_ms_;
  std::span<const AggregateId> aggregates_;
  std::span<const double> values_;
  size_t stride_;      // columns of the whole matrix
  size_t offset_ = 0;  // the first column that is ours
  std::shared_ptr<const Index> row_of_;
};

}  // namespace auspex
