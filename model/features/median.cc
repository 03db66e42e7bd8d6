#include "model/features/median.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/features/median.cc"
#include "hwy/foreach_target.h"  // Includes this file once per instruction set.
#include "hwy/highway.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace auspex::model::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// How many of the values are below the pivot.
size_t CountBelow(const float* values, size_t n, float pivot) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const size_t lanes = hn::Lanes(d);
  const auto limit = hn::Set(d, pivot);
  auto counts0 = hn::Zero(di);
  auto counts1 = hn::Zero(di);
  size_t i = 0;
  // A true lane is -1 as an integer.
  const auto below = [&](size_t at) HWY_ATTR {
    return hn::BitCast(di, hn::VecFromMask(d, hn::Lt(hn::LoadU(d, values + at), limit)));
  };
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    counts0 = hn::Sub(counts0, below(i));
    counts1 = hn::Sub(counts1, below(i + lanes));
  }
  auto count = static_cast<size_t>(hn::GetLane(hn::SumOfLanes(di, hn::Add(counts0, counts1))));
  for (; i < n; ++i) count += values[i] < pivot ? 1 : 0;
  return count;
}

// The largest value below the pivot. REQUIRES: there is one, or the answer is not used.
float LargestBelow(const float* values, size_t n, float pivot, float lowest) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  const auto limit = hn::Set(d, pivot);
  const auto none = hn::Set(d, lowest);
  auto best = none;
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto value = hn::LoadU(d, values + i);
    best = hn::Max(best, hn::IfThenElse(hn::Lt(value, limit), value, none));
  }
  float result = hn::GetLane(hn::MaxOfLanes(d, best));
  for (; i < n; ++i) {
    if (values[i] < pivot) result = std::max(result, values[i]);
  }
  return result;
}

void Extremes(const float* values, size_t n, float* low, float* high) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  auto lows = hn::Set(d, values[0]);
  auto highs = lows;
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto value = hn::LoadU(d, values + i);
    lows = hn::Min(lows, value);
    highs = hn::Max(highs, value);
  }
  *low = hn::GetLane(hn::MinOfLanes(d, lows));
  *high = hn::GetLane(hn::MaxOfLanes(d, highs));
  for (; i < n; ++i) {
    *low = std::min(*low, values[i]);
    *high = std::max(*high, values[i]);
  }
}

// Floats as integers of the same order, and back.
int32_t KeyOf(float value) {
  const auto bits = std::bit_cast<int32_t>(value);
  return bits < 0 ? static_cast<int32_t>(0x80000000U - static_cast<uint32_t>(bits)) : bits;
}
float OfKey(int32_t key) {
  return std::bit_cast<float>(
      key < 0 ? static_cast<int32_t>(0x80000000U - static_cast<uint32_t>(key)) : key);
}

// Where between two floats the value of that rank would be if those between them lay evenly.
int32_t Guess(int64_t low, int64_t high, double share) {
  const double from = OfKey(static_cast<int32_t>(low));
  const double to = OfKey(static_cast<int32_t>(high));
  return KeyOf(static_cast<float>(from + share * (to - from)));
}

// Narrows an interval of floats around the middle rank by passes that only compare and count, about
// a vector per cycle, without a branch that depends on a value. Passes guess by the counts so far
// and bisect the floats (not the values) in turn: a few for values that lie evenly, at most twice
// 32 for any.
double Median(const float* values, size_t n) {
  const size_t rank = n / 2;
  float lowest;
  float highest;
  Extremes(values, n, &lowest, &highest);
  // At most `rank` values are below low, more than `rank` below high.
  int64_t low = KeyOf(lowest);
  int64_t high = int64_t{KeyOf(highest)} + 1;
  size_t below_low = 0;
  size_t below_high = n;
  for (bool guess = true; high - low > 1 && below_high - below_low > 1; guess = !guess) {
    int64_t middle = low + (high - low) / 2;
    if (guess) {
      const double share = (static_cast<double>(rank - below_low) + 0.5) /
                           static_cast<double>(below_high - below_low);
      middle = std::clamp<int64_t>(Guess(low, high, share), low + 1, high - 1);
    }
    const size_t count = CountBelow(values, n, OfKey(static_cast<int32_t>(middle)));
    if (count <= rank) {
      low = middle;
      below_low = count;
    } else {
      high = middle;
      below_high = count;
    }
  }
  // All values left between the two are equal.
  const float upper = LargestBelow(values, n, OfKey(static_cast<int32_t>(high)), lowest);
  if (n % 2 == 1 || below_low < rank) return upper;
  return (static_cast<double>(LargestBelow(values, n, upper, lowest)) + upper) / 2;
}

}  // namespace auspex::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace auspex::model {

HWY_EXPORT(Median);

double MedianOf(std::span<const float> values) {
  return HWY_DYNAMIC_DISPATCH(Median)(values.data(), values.size());
}

double MedianOfSeven(std::span<const double, 7> values) {
  std::array<double, 7> v{};
  std::copy(values.begin(), values.end(), v.begin());
  const auto sort = [&v](size_t a, size_t b) {
    const double low = std::min(v[a], v[b]);
    v[b] = std::max(v[a], v[b]);
    v[a] = low;
  };
  // A network of 13 exchanges after which the middle one is in its place.
  sort(0, 5), sort(0, 3), sort(1, 6), sort(2, 4), sort(0, 1), sort(3, 5), sort(2, 6);
  sort(2, 3), sort(3, 6), sort(4, 5), sort(1, 4), sort(1, 3), sort(3, 4);
  return v[3];
}

}  // namespace auspex::model
#endif  // HWY_ONCE
