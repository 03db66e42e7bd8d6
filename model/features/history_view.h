// The part of a series that a window may read.
#pragma once

#include <algorithm>
#include <limits>
#include <optional>
#include <span>

#include "model/features/features.h"

namespace auspex::model {

// Steps first..last of a series, where `first` has a value, so that every step has a filled one.
// Reads nothing outside. Borrows the series.
class HistoryView {
 public:
  // The view from the first value in [begin, last] on; none when there is no value.
  static std::optional<HistoryView> From(const SeriesIndex& series, int begin, int last);

  int first() const { return first_; }
  int last() const { return last_; }
  int steps() const { return last_ - first_ + 1; }
  bool Has(int i) const { return i >= first_ && i <= last_; }
  double At(int i) const { return series_->filled(i); }
  // All of them, the first one first.
  std::span<const float> values() const { return Values(first_, last_ + 1); }
  // Those of [begin, end), which the view has.
  std::span<const float> Values(int begin, int end) const {
    return series_->filled().subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
  }
  bool Observed(int i) const { return series_->observed(i); }
  int ObservedCount(int begin, int end) const;

  // This view as it was when `last` (one of its steps) was the newest step.
  HistoryView Until(int last) const { return HistoryView(series_, first_, last); }

  // Mean over the steps of [begin, end) that the view has; NaN when it has none.
  double Mean(int begin, int end) const {
    begin = std::max(begin, first_);
    end = std::min(end, last_ + 1);
    if (begin >= end) return std::numeric_limits<double>::quiet_NaN();
    return series_->Sum(begin, end) / (end - begin);
  }
  // Mean over the newest `n` steps, or all when there are fewer.
  double MeanOfNewest(int n) const;
  // Mean over the steps around `centre`, `half_width` to either side; moved back where it would
  // reach over the newest step. NaN when the view has none of them.
  double Smooth(int centre, int half_width) const {
    centre = std::min(centre, last_ - half_width);
    return Mean(centre - half_width, centre + half_width + 1);
  }
  // Median of the newest `n` steps, or all when there are fewer.
  double MedianOfNewest(int n) const;

 private:
  HistoryView(const SeriesIndex* series, int first, int last)
      : series_(series), first_(first), last_(last) {}

  const SeriesIndex* series_;
  int first_;
  int last_;
};

}  // namespace auspex::model
