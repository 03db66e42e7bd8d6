#include "model/features/moving_means.h"

#include <algorithm>

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/features/moving_means.cc"
#include "hwy/foreach_target.h"  // Includes this file once per instruction set.
#include "hwy/highway.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace auspex::model::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Doubles = hn::ScalableTag<double>;

void ToDoubles(const float* from, size_t n, double* to) {
  const Doubles d;
  const hn::Rebind<float, Doubles> df;
  size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    hn::StoreU(hn::PromoteTo(d, hn::LoadU(df, from + i)), d, to + i);
  }
  for (; i < n; ++i) to[i] = from[i];
}

// to[i] = factor * (first[i] + the sum of kTaps values from[i], from[i + apart], ...); kFirst:
// there is no first. `to` may be `first` or, as what is read lies further on, `from`.
template <bool kFirst, size_t kTaps>
void AddTaps(const double* first, const double* from, size_t apart, double factor, size_t n,
             double* to) {
  const Doubles d;
  const auto times = hn::Set(d, factor);
  size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    auto sum = hn::LoadU(d, from + i);
    for (size_t tap = 1; tap < kTaps; ++tap) {
      sum = hn::Add(sum, hn::LoadU(d, from + i + tap * apart));
    }
    if constexpr (!kFirst) sum = hn::Add(sum, hn::LoadU(d, first + i));
    hn::StoreU(hn::Mul(times, sum), d, to + i);
  }
  for (; i < n; ++i) {
    double sum = from[i];
    for (size_t tap = 1; tap < kTaps; ++tap) sum += from[i + tap * apart];
    if constexpr (!kFirst) sum += first[i];
    to[i] = factor * sum;
  }
}

template <bool kFirst>
void AddDigit(size_t digit, const double* from, size_t apart, double factor, size_t n, double* to) {
  if (digit == 1) AddTaps<kFirst, 1>(to, from, apart, factor, n, to);
  if (digit == 2) AddTaps<kFirst, 2>(to, from, apart, factor, n, to);
  if (digit == 3) AddTaps<kFirst, 3>(to, from, apart, factor, n, to);
}

// Means of `width` values from each of the first n on. `sums` is room for n + width - 1.
//
// A width is written in base four: 13 is 3 * 4 + 1, so a sum of 13 is one value and, after it,
// three sums of four. Sums of sixteen come from four sums of four, and so on.
void Means(const float* values, size_t width, size_t n, double* sums, double* means) {
  size_t left = n + width - 1;
  ToDoubles(values, left, sums);
  size_t offset = 0;
  size_t rest = width;
  for (size_t length = 1;; length *= 4) {
    const size_t digit = rest % 4;
    rest /= 4;
    const double factor = rest == 0 ? 1 / static_cast<double>(width) : 1;
    if (offset == 0) {
      AddDigit<true>(digit, sums, length, factor, n, means);
    } else {
      AddDigit<false>(digit, sums + offset, length, factor, n, means);
    }
    offset += digit * length;
    if (rest == 0) return;
    left -= 3 * length;
    AddTaps<true, 4>(nullptr, sums, length, 1, left, sums);
  }
}

}  // namespace auspex::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace auspex::model {
namespace {

HWY_EXPORT(Means);

// Means that are computed together, so that their sums stay in the first-level cache, unless one
// mean alone reads more.
constexpr size_t kTogether = 512;

}  // namespace

void MovingMeans::Assign(const HistoryView& view, int width) {
  first_ = view.first();
  const auto steps = static_cast<size_t>(view.steps());
  const std::span<const float> values = view.values();
  const auto whole = static_cast<size_t>(width);
  means_.resize(steps);
  double sum = 0;
  for (size_t i = 0; i < std::min(whole - 1, steps); ++i) {
    sum += values[i];
    means_[i] = sum / static_cast<double>(i + 1);
  }
  const size_t together = std::max(kTogether, whole);
  sums_.resize(together + whole - 1);
  for (size_t i = whole - 1; i < steps; i += together) {
    HWY_DYNAMIC_DISPATCH(Means)
    (values.data() + (i + 1 - whole), whole, std::min(together, steps - i), sums_.data(),
     &means_[i]);
  }
}

void MovingMeans::UntilMany(int end, int newest_end, std::span<double> out) const {
  const auto size = static_cast<std::ptrdiff_t>(out.size());
  const auto unknown = std::clamp<std::ptrdiff_t>(first_ + 1 - end, 0, size);
  const auto known = std::clamp<std::ptrdiff_t>(newest_end + 1 - end, unknown, size);
  std::fill_n(out.begin(), unknown, std::numeric_limits<double>::quiet_NaN());
  if (unknown < known) {
    std::copy_n(means_.begin() + (end + unknown - first_ - 1), known - unknown,
                out.begin() + unknown);
  }
  if (known < size) std::fill(out.begin() + known, out.end(), Until(newest_end));
}

}  // namespace auspex::model
#endif  // HWY_ONCE
