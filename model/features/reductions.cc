#include "model/features/reductions.h"

#include <algorithm>
#include <cmath>

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/features/reductions.cc"
#include "hwy/foreach_target.h"  // Includes this file once per instruction set.
#include "hwy/highway.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace auspex::model::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Doubles = hn::ScalableTag<double>;
using Vector = hn::Vec<Doubles>;

// A vector of doubles from floats.
HWY_INLINE Vector LoadDoubles(const float* values) {
  const Doubles d;
  return hn::PromoteTo(d, hn::LoadU(hn::Rebind<float, Doubles>(), values));
}

HWY_INLINE double Total(Vector values) { return hn::GetLane(hn::SumOfLanes(Doubles(), values)); }

double Sum(const float* values, size_t n) {
  const size_t lanes = hn::Lanes(Doubles());
  Vector sum0 = hn::Zero(Doubles());
  Vector sum1 = sum0;
  Vector sum2 = sum0;
  Vector sum3 = sum0;
  size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    sum0 = hn::Add(sum0, LoadDoubles(values + i));
    sum1 = hn::Add(sum1, LoadDoubles(values + i + lanes));
    sum2 = hn::Add(sum2, LoadDoubles(values + i + 2 * lanes));
    sum3 = hn::Add(sum3, LoadDoubles(values + i + 3 * lanes));
  }
  for (; i + lanes <= n; i += lanes) sum0 = hn::Add(sum0, LoadDoubles(values + i));
  double sum = Total(hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3)));
  for (; i < n; ++i) sum += values[i];
  return sum;
}

void SumEach(const float* values, size_t part, size_t parts, double* sums) {
  for (size_t p = 0; p < parts; ++p) sums[p] = Sum(values + p * part, part);
}

Extremes LowAndHigh(const float* values, size_t n) {
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
  Extremes result{hn::GetLane(hn::MinOfLanes(d, lows)), hn::GetLane(hn::MaxOfLanes(d, highs))};
  for (; i < n; ++i) {
    result.low = std::min(result.low, values[i]);
    result.high = std::max(result.high, values[i]);
  }
  return result;
}

Deviations AllDeviations(double centre, const float* values, size_t n) {
  const size_t lanes = hn::Lanes(Doubles());
  const Vector middle = hn::Set(Doubles(), centre);
  Vector absolutes[2] = {hn::Zero(Doubles()), hn::Zero(Doubles())};
  Vector squares[2] = {hn::Zero(Doubles()), hn::Zero(Doubles())};
  size_t i = 0;
  const auto add = [&](size_t at, size_t to) HWY_ATTR {
    const Vector distance = hn::Sub(LoadDoubles(values + at), middle);
    absolutes[to] = hn::Add(absolutes[to], hn::Abs(distance));
    squares[to] = hn::MulAdd(distance, distance, squares[to]);
  };
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    add(i, 0);
    add(i + lanes, 1);
  }
  Deviations result{Total(hn::Add(absolutes[0], absolutes[1])),
                    Total(hn::Add(squares[0], squares[1]))};
  for (; i < n; ++i) {
    const double distance = values[i] - centre;
    result.absolutes += std::abs(distance);
    result.squares += distance * distance;
  }
  return result;
}

void Distances(const float* a, const float* b, size_t n, float* out) {
  const hn::ScalableTag<float> d;
  const auto highest = hn::Set(d, hwy::HighestValue<float>());
  size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    const auto distance = hn::Abs(hn::Sub(hn::LoadU(d, a + i), hn::LoadU(d, b + i)));
    hn::StoreU(hn::Min(distance, highest), d, out + i);
  }
  for (; i < n; ++i) out[i] = std::min(std::abs(a[i] - b[i]), hwy::HighestValue<float>());
}

double LimitedSum(float limit, const float* values, size_t n) {
  const size_t lanes = hn::Lanes(Doubles());
  const Vector highest = hn::Set(Doubles(), limit);
  Vector sums[2] = {hn::Zero(Doubles()), hn::Zero(Doubles())};
  size_t i = 0;
  const auto add = [&](size_t at, size_t to) HWY_ATTR {
    sums[to] = hn::Add(sums[to], hn::Min(LoadDoubles(values + at), highest));
  };
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    add(i, 0);
    add(i + lanes, 1);
  }
  double sum = Total(hn::Add(sums[0], sums[1]));
  for (; i < n; ++i) sum += std::min(values[i], limit);
  return sum;
}

}  // namespace auspex::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace auspex::model {

HWY_EXPORT(Sum);
HWY_EXPORT(SumEach);
HWY_EXPORT(LowAndHigh);
HWY_EXPORT(AllDeviations);
HWY_EXPORT(Distances);
HWY_EXPORT(LimitedSum);

double SumOf(std::span<const float> values) {
  return HWY_DYNAMIC_DISPATCH(Sum)(values.data(), values.size());
}

void SumParts(std::span<const float> values, size_t part, std::span<double> sums) {
  HWY_DYNAMIC_DISPATCH(SumEach)(values.data(), part, sums.size(), sums.data());
}

Extremes ExtremesOf(std::span<const float> values) {
  return HWY_DYNAMIC_DISPATCH(LowAndHigh)(values.data(), values.size());
}

Deviations DeviationsFrom(double centre, std::span<const float> values) {
  return HWY_DYNAMIC_DISPATCH(AllDeviations)(centre, values.data(), values.size());
}

void DistancesBetween(std::span<const float> a, std::span<const float> b, std::span<float> out) {
  HWY_DYNAMIC_DISPATCH(Distances)(a.data(), b.data(), out.size(), out.data());
}

double SumUpTo(float limit, std::span<const float> values) {
  return HWY_DYNAMIC_DISPATCH(LimitedSum)(limit, values.data(), values.size());
}

}  // namespace auspex::model
#endif  // HWY_ONCE
