#include "sidecar/history/step_matrix.h"

namespace auspex {

StepMatrix::StepMatrix(StepRange range, DurationMs step_ms, std::span<const AggregateId> aggregates,
                       std::span<const double> values)
    : range_(range),
      step_ms_(step_ms),
      aggregates_(aggregates),
      values_(values),
      stride_(Columns(range)) {
  auto row_of = std::make_shared<Index>();
  row_of->reserve(aggregates.size());
  for (size_t i = 0; i < aggregates.size(); ++i) (*row_of)[aggregates[i]] = i;
  row_of_ = std::move(row_of);
}

StepMatrix StepMatrix::Part(StepRange part) const {
  StepMatrix result = *this;
  result.offset_ += static_cast<size_t>((part.first_ms - range_.first_ms) / step_ms_);
  result.range_ = part;
  return result;
}

std::span<const double> StepMatrix::Row(size_t i) const {
  return values_.subspan(i * stride_ + offset_, steps());
}

std::span<const double> StepMatrix::RowOf(AggregateId aggregate) const {
  const auto it = row_of_->find(aggregate);
  return it == row_of_->end() ? std::span<const double>() : Row(it->second);
}

}  // namespace auspex
