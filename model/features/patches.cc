#include "model/features/patches.h"

#include <algorithm>
#include <cmath>

#include "model/features/calendar.h"
#include "model/features/window_scale.h"

namespace auspex::model {
namespace {

// Level and scale, applied and compressed.
struct Compress {
  double level;
  double scale;
  // Unknown (NaN) is the level itself.
  float operator()(double value) const {
    if (std::isnan(value)) return 0;
    return static_cast<float>(std::asinh(ToZ(value, level, scale)));
  }
};

// Means of kPatchValues equal parts of [begin, end), the newest steps when it does not divide.
float* AppendMeans(const HistoryView& view, const Compress& compress, int begin, int end,
                   float* out) {
  const int parts = std::min(end - begin, kPatchValues);
  const int part = (end - begin) / parts;
  for (int i = 0; i < parts; ++i) {
    const int part_begin = end - (parts - i) * part;
    *out++ = compress(view.Mean(part_begin, part_begin + part));
  }
  return out;
}

float* AppendExtremes(const HistoryView& view, const Compress& compress, int begin, int end,
                      float* out) {
  begin = std::max(begin, view.first());
  if (begin >= end) return std::fill_n(out, kPatchExtremes, 0.0F);
  const double mean = view.Mean(begin, end);
  double high = view.At(begin);
  double low = high;
  double squares = 0;
  for (int t = begin; t < end; ++t) {
    const double value = view.At(t);
    high = std::max(high, value);
    low = std::min(low, value);
    squares += (value - mean) * (value - mean);
  }
  *out++ = compress(high);
  *out++ = compress(low);
  *out++ = compress(compress.level + std::sqrt(squares / (end - begin)));
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
  const Compress compress{level, scale};
  float* next = out.data();
  for (int age = spec.patches() - 1; age >= 0; --age) {
    const int end = view.last() + 1 - age * season.day;
    const int begin = end - season.day;
    next = AppendMeans(view, compress, begin, end, next);
    if (season.day > kPatchValues) next = AppendExtremes(view, compress, begin, end, next);
    *next++ = static_cast<float>(view.ObservedCount(begin, end)) / static_cast<float>(season.day);
    next = AppendCalendar(spec, origin_local_ms - int64_t{age} * season.day * spec.step_ms, next);
  }
}

}  // namespace auspex::model
