#include "model/features/history_view.h"

#include <algorithm>
#include <limits>

namespace auspex::model {

std::optional<HistoryView> HistoryView::From(const SeriesIndex& series, int begin, int last) {
  const int first = series.FirstObserved(begin, last + 1);
  if (first > last) return std::nullopt;
  return HistoryView(&series, first, last);
}

int HistoryView::ObservedCount(int begin, int end) const {
  begin = std::max(begin, first_);
  end = std::min(end, last_ + 1);
  return begin < end ? series_->ObservedCount(begin, end) : 0;
}

double HistoryView::Mean(int begin, int end) const {
  begin = std::max(begin, first_);
  end = std::min(end, last_ + 1);
  if (begin >= end) return std::numeric_limits<double>::quiet_NaN();
  return series_->Sum(begin, end) / (end - begin);
}

double HistoryView::MeanOfNewest(int n) const { return Mean(last_ + 1 - n, last_ + 1); }

double HistoryView::Smooth(int centre, int half_width) const {
  centre = std::min(centre, last_ - half_width);
  return Mean(centre - half_width, centre + half_width + 1);
}

double HistoryView::MedianOfNewest(int n, std::vector<float>* scratch) const {
  n = std::min(n, steps());
  scratch->resize(static_cast<size_t>(n));
  for (int i = 0; i < n; ++i) (*scratch)[static_cast<size_t>(i)] = series_->filled(last_ - i);
  const auto upper = scratch->begin() + n / 2;
  std::nth_element(scratch->begin(), upper, scratch->end());
  if (n % 2 == 1) return *upper;
  const double lower = *std::max_element(scratch->begin(), upper);
  return (lower + static_cast<double>(*upper)) / 2;
}

}  // namespace auspex::model
