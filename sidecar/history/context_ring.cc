#include "sidecar/history/context_ring.h"

#include <algorithm>

namespace auspex {
namespace {

const float kMissing = static_cast<float>(Missing());

}  // namespace

ContextRing::ContextRing(size_t steps, DurationMs step_ms)
    : step_ms_(step_ms), values_(steps, kMissing) {}

size_t ContextRing::Place(int64_t step) const {
  const auto size = static_cast<int64_t>(values_.size());
  return static_cast<size_t>((step % size + size) % size);
}

bool ContextRing::Holds(int64_t step) const {
  return !empty_ && step <= newest_step_ &&
         step > newest_step_ - static_cast<int64_t>(values_.size());
}

void ContextRing::Set(TimestampMs t_ms, double value) {
  const int64_t step = t_ms / step_ms_;
  if (empty_) {
    newest_step_ = step;
    empty_ = false;
  }
  // Steps that were skipped are missing; those that fall out of the ring make room.
  const auto size = static_cast<int64_t>(values_.size());
  for (int64_t s = std::max(newest_step_ + 1, step - size + 1); s < step; ++s) {
    values_[Place(s)] = kMissing;
  }
  newest_step_ = std::max(newest_step_, step);
  if (Holds(step)) values_[Place(step)] = static_cast<float>(value);
}

void ContextRing::Copy(TimestampMs last_ms, std::span<float> out) const {
  const int64_t last = last_ms / step_ms_;
  const int64_t first = last - static_cast<int64_t>(out.size()) + 1;
  const auto size = static_cast<int64_t>(values_.size());
  // The steps of it that the ring holds: two runs at most, where the ring's end lies between.
  const int64_t from = std::max(first, newest_step_ - size + 1);
  const int64_t end = std::min(last, newest_step_) + 1;
  if (empty_ || from >= end) {
    std::fill(out.begin(), out.end(), kMissing);
    return;
  }
  const auto run = static_cast<size_t>(end - from);
  const size_t place = Place(from);
  const size_t before_the_end = std::min(run, values_.size() - place);
  auto next = std::fill_n(out.begin(), from - first, kMissing);
  next = std::copy_n(&values_[place], before_the_end, next);
  next = std::copy_n(values_.data(), run - before_the_end, next);
  std::fill(next, out.end(), kMissing);
}

}  // namespace auspex
