// Means of equally many steps, at every step of a view.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "model/features/history_view.h"

namespace auspex::model {

// What HistoryView::Mean says of all ranges of one width, computed at once. Sums are made of sums
// whose lengths are powers of four and never of differences, so that a value leaves no rounding
// error in the means that it is not part of. Not thread-safe; reuses its memory.
class MovingMeans {
 public:
  // Of `width` >= 1 steps. Nothing of the series is borrowed.
  void Assign(const HistoryView& view, int width);

  // Mean over the steps of [end - width, end) that the view has; NaN where it has none.
  // REQUIRES: end <= the view's last() + 1.
  double Until(int end) const {
    if (end <= first_) return std::numeric_limits<double>::quiet_NaN();
    return means_[static_cast<size_t>(end - first_) - 1];
  }
  // out[i] = Until(min(end + i, newest_end)). REQUIRES: Until(newest_end) may be asked for.
  void UntilEach(int end, int newest_end, std::span<double> out) const {
    if (out.size() == 1) {
      out[0] = Until(std::min(end, newest_end));
    } else {
      UntilMany(end, newest_end, out);
    }
  }

 private:
  void UntilMany(int end, int newest_end, std::span<double> out) const;

  int first_ = 0;
  std::vector<double> means_;  // entry i: until step first_ + i, that included
  std::vector<double> sums_;   // of 1, 4, 16... values
};

}  // namespace auspex::model
