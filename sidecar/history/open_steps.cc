#include "sidecar/history/open_steps.h"

#include <algorithm>

#include "sidecar/core/sample.h"

namespace auspex {

size_t OpenSteps::Join() {
  if (free_.empty()) return places_++;
  const size_t place = free_.back();
  free_.pop_back();
  return place;
}

void OpenSteps::Leave(size_t place) { free_.push_back(place); }

void OpenSteps::Set(size_t step, size_t place, double value) {
  if (step >= rows_.size()) {
    if (IsMissing(value)) return;
    rows_.resize(step + 1);
  }
  std::vector<double>& row = rows_[step];
  if (place >= row.size()) {
    if (IsMissing(value)) return;
    row.reserve(places_);  // just that: a resize alone might double it
    row.resize(places_, Missing());
  }
  row[place] = value;
}

double OpenSteps::Get(size_t step, size_t place) const {
  if (step >= rows_.size() || place >= rows_[step].size()) return Missing();
  return rows_[step][place];
}

void OpenSteps::Drop(size_t steps) {
  const auto gone = static_cast<ptrdiff_t>(std::min(steps, rows_.size()));
  rows_.erase(rows_.begin(), rows_.begin() + gone);
}

size_t OpenSteps::HeapBytes() const {
  size_t bytes = 0;
  for (const std::vector<double>& row : rows_) bytes += row.capacity() * sizeof(double);
  return bytes;
}

}  // namespace auspex
