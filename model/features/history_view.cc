#include "model/features/history_view.h"

#include <algorithm>

#include "model/features/median.h"

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

double HistoryView::MeanOfNewest(int n) const { return Mean(last_ + 1 - n, last_ + 1); }

double HistoryView::MedianOfNewest(int n) const {
  n = std::min(n, steps());
  return MedianOf(Values(last_ + 1 - n, last_ + 1));
}

}  // namespace auspex::model
