#include "sidecar/aggregate/over_time.h"

#include <algorithm>
#include <array>

#include "sidecar/aggregate/compensated_sum.h"

namespace auspex {
namespace {

// What a function sees: the samples inside its window, staleness markers included.
struct Range {
  std::span<const Sample> samples;
  TimestampMs start_ms;
  TimestampMs end_ms;
  PromqlDialect dialect;
};

// Calls visit(sample) for every sample that is not a staleness marker; returns how many there were.
template <typename Visit>
size_t ForEachValue(const Range& range, Visit visit) {
  size_t count = 0;
  for (const Sample& sample : range.samples) {
    if (IsStaleMarker(sample.value)) continue;
    visit(sample);
    ++count;
  }
  return count;
}

std::optional<double> Last(const Range& range) {
  if (range.samples.empty() || IsStaleMarker(range.samples.back().value)) return std::nullopt;
  return range.samples.back().value;
}

std::optional<double> Sum(const Range& range) {
  CompensatedSum sum;
  if (ForEachValue(range, [&](const Sample& s) { sum.Add(s.value); }) == 0) return std::nullopt;
  return sum.Total();
}

std::optional<double> Avg(const Range& range) {
  CompensatedSum scaled;
  const size_t count =
      ForEachValue(range, [&](const Sample& s) { scaled.Add(s.value * kMeanScale); });
  if (count == 0) return std::nullopt;
  return scaled.Total() / static_cast<double>(count) / kMeanScale;
}

// NaN gives way to any other value: only a range of nothing but NaN has a NaN extreme.
template <typename Better>
std::optional<double> Extreme(const Range& range, Better better) {
  std::optional<double> best;
  ForEachValue(range, [&](const Sample& s) {
    if (!best || IsMissing(*best) || better(s.value, *best)) best = s.value;
  });
  return best;
}

std::optional<double> Min(const Range& range) {
  return Extreme(range, [](double a, double b) { return a < b; });
}

std::optional<double> Max(const Range& range) {
  return Extreme(range, [](double a, double b) { return a > b; });
}

// The rise of a counter between its first and last sample of the range.
struct CounterRise {
  double rise = 0;  // resets added back
  double first_value = 0;
  TimestampMs first_ms = 0;
  TimestampMs last_ms = 0;
  size_t count = 0;
};

CounterRise MeasureRise(const Range& range) {
  CounterRise counter;
  std::optional<double> previous;
  double lost_to_resets = 0;
  counter.count = ForEachValue(range, [&](const Sample& s) {
    if (!previous) {
      counter.first_value = s.value;
      counter.first_ms = s.timestamp_ms;
    } else if (s.value < *previous) {
      lost_to_resets += *previous;
    }
    previous = s.value;
    counter.last_ms = s.timestamp_ms;
  });
  counter.rise = previous.value_or(0) - counter.first_value + lost_to_resets;
  return counter;
}

// The rise is stretched over the whole range: up to an edge that is not further from its nearest
// sample than 1.1 sample distances, else by half a distance; and not further back than to where
// the counter, falling at the same slope, was zero. Times are doubles in seconds, as in Prometheus,
// so that comparisons break ties alike.
//
// Since 3.0 the zero point is compared with the distance that was chosen; before, it replaced the
// distance to the edge before the choice was made (prometheus/prometheus, promql/functions.go).
std::optional<double> Increase(const Range& range) {
  const CounterRise counter = MeasureRise(range);
  if (counter.count < 2) return std::nullopt;
  const double sampled = static_cast<double>(counter.last_ms - counter.first_ms) / 1000;
  const double distance = sampled / static_cast<double>(counter.count - 1);
  const double near = distance * 1.1;
  double to_start = static_cast<double>(counter.first_ms - range.start_ms) / 1000;
  double to_end = static_cast<double>(range.end_ms - counter.last_ms) / 1000;

  const auto limit_to_edge = [&](double gap) { return gap < near ? gap : distance / 2; };
  const auto limit_to_zero = [&](double gap) {
    if (!(counter.rise > 0 && counter.first_value >= 0)) return gap;
    const double to_zero = sampled * (counter.first_value / counter.rise);
    return to_zero < gap ? to_zero : gap;
  };
  to_start = range.dialect == PromqlDialect::kV2 ? limit_to_edge(limit_to_zero(to_start))
                                                 : limit_to_zero(limit_to_edge(to_start));
  to_end = limit_to_edge(to_end);
  return counter.rise * ((sampled + to_start + to_end) / sampled);
}

std::optional<double> Rate(const Range& range) {
  const std::optional<double> increase = Increase(range);
  if (!increase) return std::nullopt;
  return *increase / (static_cast<double>(range.end_ms - range.start_ms) / 1000);
}

enum class Window { kLookback, kStep };

struct Function {
  OverTime id;
  Window window;
  std::optional<double> (*evaluate)(const Range&);
};

// Every over_time function, in the order of the enumeration.
constexpr std::array kFunctions = {
    Function{OverTime::kLast, Window::kLookback, Last},
    Function{OverTime::kAvg, Window::kStep, Avg},
    Function{OverTime::kMin, Window::kStep, Min},
    Function{OverTime::kMax, Window::kStep, Max},
    Function{OverTime::kSum, Window::kStep, Sum},
    Function{OverTime::kRate, Window::kStep, Rate},
    Function{OverTime::kIncrease, Window::kStep, Increase},
};

constexpr bool InEnumerationOrder() {
  for (size_t i = 0; i < kFunctions.size(); ++i) {
    if (static_cast<size_t>(kFunctions[i].id) != i) return false;
  }
  return true;
}
static_assert(InEnumerationOrder());

const Function& Find(OverTime function) { return kFunctions[static_cast<size_t>(function)]; }

}  // namespace

DurationMs OverTimeWindow(OverTime function, DurationMs step_ms) {
  return Find(function).window == Window::kLookback ? kLookbackDelta : step_ms;
}

std::span<const Sample> SamplesInWindow(std::span<const Sample> samples, TimestampMs t_ms,
                                        DurationMs window_ms, PromqlDialect dialect) {
  const TimestampMs first_ms = t_ms - window_ms + (dialect == PromqlDialect::kV2 ? 0 : 1);
  const auto begin = std::ranges::lower_bound(samples, first_ms, {}, &Sample::timestamp_ms);
  const auto end = std::ranges::upper_bound(begin, samples.end(), t_ms, {}, &Sample::timestamp_ms);
  return {begin, end};
}

std::optional<double> EvaluateOverTime(OverTime function, std::span<const Sample> samples,
                                       TimestampMs t_ms, DurationMs step_ms,
                                       PromqlDialect dialect) {
  const DurationMs window_ms = OverTimeWindow(function, step_ms);
  return Find(function).evaluate({.samples = SamplesInWindow(samples, t_ms, window_ms, dialect),
                                  .start_ms = t_ms - window_ms,
                                  .end_ms = t_ms,
                                  .dialect = dialect});
}

}  // namespace auspex
