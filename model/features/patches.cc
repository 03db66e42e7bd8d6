#include "model/features/patches.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>

#include "model/features/calendar.h"
#include "model/features/reductions.h"
#include "model/features/window_scale.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/features/patches.cc"
#include "hwy/foreach_target.h"  // Includes this file once per instruction set.
#include "hwy/highway.h"
#include "hwy/contrib/math/math-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace auspex::model::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr size_t kValuesMax = kPatchValues + kPatchExtremes;

// asinh of z of at most kValuesMax values; unknown ones (NaN) are the level itself.
void CompressAll(const double* values, size_t n, double level, double scale, float* out) {
  const hn::ScalableTag<float> d;
  HWY_ALIGN float z[(kValuesMax + 15) / 16 * 16] = {};
  for (size_t i = 0; i < n; ++i) {
    z[i] = std::isnan(values[i]) ? 0 : static_cast<float>(ToZ(values[i], level, scale));
  }
  for (size_t i = 0; i < n; i += hn::Lanes(d)) {
    hn::Store(hn::Asinh(d, hn::Load(d, z + i)), d, z + i);
  }
  std::copy_n(z, n, out);
}

}  // namespace auspex::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace auspex::model {
namespace {

HWY_EXPORT(CompressAll);

// Means of kPatchValues equal parts of [begin, end), the newest steps when it does not divide.
double* AppendMeans(const HistoryView& view, int begin, int end, double* out) {
  const int parts = std::min(end - begin, kPatchValues);
  const int part = (end - begin) / parts;
  begin = end - parts * part;
  if (begin < view.first()) {
    for (int i = 0; i < parts; ++i, begin += part) *out++ = view.Mean(begin, begin + part);
    return out;
  }
  const std::span<double> means(out, static_cast<size_t>(parts));
  SumParts(view.Values(begin, end), static_cast<size_t>(part), means);
  for (double& mean : means) mean /= part;
  return out + parts;
}

double* AppendExtremes(const HistoryView& view, double level, int begin, int end, double* out) {
  begin = std::max(begin, view.first());
  if (begin >= end) return std::fill_n(out, kPatchExtremes, level);
  const std::span<const float> values = view.Values(begin, end);
  const Extremes extremes = ExtremesOf(values);
  const double squares = DeviationsFrom(view.Mean(begin, end), values).squares;
  *out++ = extremes.high;
  *out++ = extremes.low;
  *out++ = level + std::sqrt(squares / (end - begin));
  return out;
}

float* AppendCalendar(const ModelSpec& spec, int64_t local_ms, float* out) {
  const CirclePoint day = spec.has_day() ? TimeOfDay(local_ms) : CirclePoint{0, 0};
  const CirclePoint week = DayOfWeek(local_ms);
  for (double value : {day.sin, day.cos, week.sin, week.cos}) *out++ = static_cast<float>(value);
  return out;
}

}  // namespace

void FillPatches(const ModelSpec& spec, const HistoryView& view, const Season& season, double level,
                 double scale, int64_t origin_local_ms, std::span<float> out) {
  std::array<double, kPatchValues + kPatchExtremes> values;
  float* next = out.data();
  for (int age = spec.patches() - 1; age >= 0; --age) {
    const int end = view.last() + 1 - age * season.day;
    const int begin = end - season.day;
    double* values_end = AppendMeans(view, begin, end, values.data());
    if (season.day > kPatchValues) values_end = AppendExtremes(view, level, begin, end, values_end);
    const auto count = static_cast<size_t>(values_end - values.data());
    HWY_DYNAMIC_DISPATCH(CompressAll)(values.data(), count, level, scale, next);
    next += count;
    *next++ = static_cast<float>(view.ObservedCount(begin, end)) / static_cast<float>(season.day);
    next = AppendCalendar(spec, origin_local_ms - int64_t{age} * season.day * spec.step_ms, next);
  }
}

}  // namespace auspex::model
#endif  // HWY_ONCE
