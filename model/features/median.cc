#include "model/features/median.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "model/features/reductions.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/features/median.cc"
#include "hwy/foreach_target.h"  // Includes this file once per instruction set.
#include "hwy/highway.h"
// clang-format on

#ifndef AUSPEX_MODEL_FEATURES_MEDIAN_ONCE
#define AUSPEX_MODEL_FEATURES_MEDIAN_ONCE
namespace auspex::model {

inline constexpr size_t kSample = 64;
inline constexpr size_t kKept = 1024;

// Which lanes move to the front where the bits say which are kept. The same as Highway's Compress,
// whose table GCC copies onto the stack for every vector (Highway 1.0.3, GCC 12).
inline constexpr size_t kPackLanes = 8;
struct PackOrder {
  uint8_t lanes[1 << kPackLanes][kPackLanes];
};
inline constexpr PackOrder kPackOrder = [] {
  PackOrder order{};
  for (size_t bits = 0; bits < 1 << kPackLanes; ++bits) {
    size_t next = 0;
    for (size_t lane = 0; lane < kPackLanes; ++lane) {
      if ((bits >> lane & 1) != 0) order.lanes[bits][next++] = static_cast<uint8_t>(lane);
    }
  }
  return order;
}();

}  // namespace auspex::model
#endif  // AUSPEX_MODEL_FEATURES_MEDIAN_ONCE

HWY_BEFORE_NAMESPACE();
namespace auspex::model::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Vector = hn::Vec<Floats>;

// A part of the values that holds the one looked for.
struct Part {
  const float* values;
  size_t n;
  size_t below;  // values that are below all of the part's range, and left out
};

// What a pivot splits: how many values are below it, the largest of them and the smallest other.
struct Split {
  size_t below;
  float largest_below;
  float smallest_above;
};

// REQUIRES: some value is below the pivot, some is not.
Split SplitAt(float pivot, const Part& part) {
  const Floats d;
  const hn::RebindToSigned<Floats> di;
  const Vector limit = hn::Set(d, pivot);
  const Vector lowest = hn::Set(d, hwy::LowestValue<float>());
  const Vector highest = hn::Set(d, hwy::HighestValue<float>());
  auto count = hn::Zero(di);
  Vector largest = lowest;
  Vector smallest = highest;
  size_t i = 0;
  for (; i + hn::Lanes(d) <= part.n; i += hn::Lanes(d)) {
    const Vector value = hn::LoadU(d, part.values + i);
    const auto below = hn::Lt(value, limit);
    // A true lane is -1 as an integer.
    count = hn::Sub(count, hn::BitCast(di, hn::VecFromMask(d, below)));
    largest = hn::Max(largest, hn::IfThenElse(below, value, lowest));
    smallest = hn::Min(smallest, hn::IfThenElse(below, highest, value));
  }
  Split split{static_cast<size_t>(hn::GetLane(hn::SumOfLanes(di, count))),
              hn::GetLane(hn::MaxOfLanes(d, largest)), hn::GetLane(hn::MinOfLanes(d, smallest))};
  for (; i < part.n; ++i) {
    const float value = part.values[i];
    if (value < pivot) {
      ++split.below;
      split.largest_below = std::max(split.largest_below, value);
    } else {
      split.smallest_above = std::min(split.smallest_above, value);
    }
  }
  return split;
}

// A range that likely holds the value of that rank and not much more than a quarter of the values:
// from a sample that is spread over all.
Extremes LikelyRange(const float* values, size_t n, size_t rank) {
  constexpr size_t kReach = kSample / 8;
  const size_t middle = rank * kSample / n;
  const Floats d;
  const hn::RebindToSigned<Floats> di;
  HWY_ALIGN float sample[kSample];
  for (size_t i = 0; i < kSample; ++i) sample[i] = values[i * n / kSample];
  const Vector none = hn::Set(d, hwy::LowestValue<float>());
  Vector low = none;
  Vector high = none;
  for (size_t i = 0; i < kSample; i += hn::Lanes(d)) {
    const Vector candidates = hn::Load(d, sample + i);
    auto ranks = hn::Zero(di);
    for (const float other : sample) {
      const auto below = hn::Lt(hn::Set(d, other), candidates);
      ranks = hn::Sub(ranks, hn::BitCast(di, hn::VecFromMask(d, below)));
    }
    const auto up_to = [&](size_t limit) HWY_ATTR {
      const auto above = hn::Gt(ranks, hn::Set(di, static_cast<int32_t>(limit)));
      return hn::IfThenElse(hn::MaskFromVec(hn::BitCast(d, hn::VecFromMask(di, above))), none,
                            candidates);
    };
    low = hn::Max(low, up_to(middle > kReach ? middle - kReach : 0));
    high = hn::Max(high, up_to(middle + kReach));
  }
  return {hn::GetLane(hn::MaxOfLanes(d, low)), hn::GetLane(hn::MaxOfLanes(d, high))};
}

// Copies the values within the range to `kept`, room for kKept values and a vector; answers that
// part, of more than kKept values when they do not fit.
Part Keep(const float* values, size_t n, const Extremes& range, float* kept) {
  const hn::CappedTag<float, kPackLanes> d;
  const hn::RebindToSigned<decltype(d)> di;
  const auto low = hn::Set(d, range.low);
  const auto high = hn::Set(d, range.high);
  auto below = hn::Zero(di);
  size_t count = 0;
  size_t i = 0;
  for (; i + hn::Lanes(d) <= n && count <= kKept; i += hn::Lanes(d)) {
    const auto value = hn::LoadU(d, values + i);
    below = hn::Sub(below, hn::BitCast(di, hn::VecFromMask(d, hn::Lt(value, low))));
    uint8_t inside = 0;
    hn::StoreMaskBits(d, hn::And(hn::Ge(value, low), hn::Le(value, high)), &inside);
    const auto from =
        hn::PromoteTo(di, hn::LoadU(hn::Rebind<uint8_t, decltype(d)>(), kPackOrder.lanes[inside]));
    hn::StoreU(hn::TableLookupLanes(value, hn::IndicesFromVec(d, from)), d, kept + count);
    count += static_cast<size_t>(std::popcount(inside));
  }
  Part part{.values = kept,
            .n = count,
            .below = static_cast<size_t>(hn::GetLane(hn::SumOfLanes(di, below)))};
  for (; i < n && part.n <= kKept; ++i) {
    if (values[i] < range.low) ++part.below;
    if (values[i] >= range.low && values[i] <= range.high) kept[part.n++] = values[i];
  }
  return part;
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

// A float above range.low, at most range.high: where the value of the rank that is `share` of the
// way would be if the values lay evenly, or half the floats (not the values) away.
float Pivot(const Extremes& range, double share, bool guess) {
  const int64_t low = KeyOf(range.low);
  const int64_t high = KeyOf(range.high);
  int64_t key = low + (high - low + 1) / 2;
  if (guess) {
    const double from = range.low;
    key = KeyOf(static_cast<float>(from + share * (range.high - from)));
  }
  return OfKey(static_cast<int32_t>(std::clamp(key, low + 1, high)));
}

// The value of that rank among all, and how many are below it.
struct Selected {
  float value;
  size_t below;
};

// Narrows a range of values around the rank, by passes that only compare and count, without a
// branch that depends on a value. Ends are values of the part, so many equal ones end it early.
// Every third pass bisects the floats: a few passes for values that lie evenly, at most three times
// 32 for any.
Selected Select(const Part& part, size_t rank) {
  Extremes range = ExtremesOf({part.values, part.n});
  size_t below_low = part.below;
  size_t up_to_high = part.below + part.n;
  for (int pass = 1; range.low < range.high; ++pass) {
    const double share =
        (static_cast<double>(rank - below_low) + 0.5) / static_cast<double>(up_to_high - below_low);
    const Split split = SplitAt(Pivot(range, share, pass % 3 != 0), part);
    const size_t below = part.below + split.below;
    if (below <= rank) {
      range.low = split.smallest_above;
      below_low = below;
    } else {
      range.high = split.largest_below;
      up_to_high = below;
    }
  }
  return {range.low, below_low};
}

// Room for what Keep copies.
struct Kept {
  HWY_ALIGN float values[kKept + kPackLanes + 1];
};

// A part of the values that holds the one of that rank: a small one where a sample finds it.
Part PartWith(size_t rank, const float* values, size_t n, Kept* kept) {
  const Part all{.values = values, .n = n, .below = 0};
  if (n < 8 * kSample) return all;
  const Part likely = Keep(values, n, LikelyRange(values, n, rank), kept->values);
  const bool found = likely.below <= rank && rank < likely.below + likely.n;
  return found && likely.n <= kKept ? likely : all;
}

float Ranked(const float* values, size_t n, size_t rank) {
  Kept kept;
  return Select(PartWith(rank, values, n, &kept), rank).value;
}

double Median(const float* values, size_t n) {
  const size_t rank = n / 2;
  Kept kept;
  const Part part = PartWith(rank, values, n, &kept);
  const Selected upper = Select(part, rank);
  if (n % 2 == 1 || upper.below < rank) return upper.value;
  const Part all{.values = values, .n = n, .below = 0};
  const float lower = SplitAt(upper.value, upper.below > part.below ? part : all).largest_below;
  return (static_cast<double>(lower) + upper.value) / 2;
}

}  // namespace auspex::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace auspex::model {

HWY_EXPORT(Median);
HWY_EXPORT(Ranked);

double MedianOf(std::span<const float> values) {
  return HWY_DYNAMIC_DISPATCH(Median)(values.data(), values.size());
}

float ValueOfRank(std::span<const float> values, size_t rank) {
  return HWY_DYNAMIC_DISPATCH(Ranked)(values.data(), values.size(), rank);
}

}  // namespace auspex::model
#endif  // HWY_ONCE
