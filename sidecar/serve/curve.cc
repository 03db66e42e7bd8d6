#include "sidecar/serve/curve.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "sidecar/core/duration.h"

namespace auspex {
namespace {

// The value of a past curve at `t`: linear between two points that are at most `gap_ms` apart,
// missing elsewhere. `past` ascends.
double PastValue(const std::vector<PastPoint>& past, size_t q, TimestampMs t, DurationMs gap_ms) {
  const auto after = std::lower_bound(
      past.begin(), past.end(), t,
      [](const PastPoint& point, TimestampMs time) { return point.target_ms < time; });
  if (after == past.end() || q >= after->values.size()) return Missing();
  if (after->target_ms == t) return after->values[q];
  if (after == past.begin()) return Missing();
  const auto before = std::prev(after);
  const DurationMs width_ms = after->target_ms - before->target_ms;
  if (width_ms > gap_ms || q >= before->values.size()) return Missing();
  const double share = static_cast<double>(t - before->target_ms) / static_cast<double>(width_ms);
  return before->values[q] + share * (after->values[q] - before->values[q]);
}

// Appends a value to the series of one period; ends the series of the other.
class PeriodWriter {
 public:
  explicit PeriodWriter(size_t periods) : series_(periods) {}

  // Value `v` (or missing) at `t` belongs to `period`.
  void Add(size_t period, TimestampMs t, double v) {
    for (size_t p = 0; p < series_.size(); ++p) {
      if (p == period && !IsMissing(v)) {
        series_[p].push_back({t, v});
      } else if (!series_[p].empty() && !IsStaleMarker(series_[p].back().value)) {
        series_[p].push_back({t, StaleMarker()});
      }
    }
  }

  std::vector<Sample> Take(size_t period) { return std::move(series_[period]); }

 private:
  std::vector<std::vector<Sample>> series_;
};

constexpr std::array<const char*, 2> kPeriods = {"day", "night"};

LabelSet CurveLabels(const ActiveRule& active, const LabelSet& aggregate,
                     const LabelSet& external_labels, double level, const char* period) {
  std::vector<LabelSet::Label> extra = {
      {std::string(kMetricName), active.names.forecast},
      {std::string(kForecastLabel), std::string(kCurve)},
      {std::string(kQuantileLabel), QuantileLabelValue(level)},
  };
  if (period != nullptr) extra.emplace_back(kPeriodLabel, period);
  return aggregate.Merged(external_labels).Merged(LabelSet(std::move(extra)));
}

}  // namespace

std::vector<ReadSeries> BuildCurve(const ActiveRule& active, const LabelSet& external_labels,
                                   const TimeZone& timezone, const Selector& selector,
                                   const Forecast& forecast, const std::vector<PastPoint>& past,
                                   TimestampMs first_ms, TimestampMs last_ms) {
  if (forecast.values.empty()) return {};
  const DurationMs spacing_ms = std::min(active.rule.values.step_ms, kCurveSpacing);
  const TimestampMs end_ms =
      forecast.origin_ms + forecast.horizon_steps() * static_cast<DurationMs>(forecast.step_ms);
  const TimestampMs begin_ms = past.empty() ? forecast.origin_ms + 1 : past.front().target_ms;
  if (first_ms > end_ms || last_ms < begin_ms) return {};
  const TimestampMs grid_first_ms = StepCeil(std::max(first_ms, begin_ms), spacing_ms);
  const TimestampMs grid_last_ms = std::min(last_ms, end_ms);
  const DurationMs gap_ms = 2 * std::max(active.rule.interval_ms, active.rule.values.step_ms);
  const size_t periods = active.rule.day ? kPeriods.size() : 1;

  std::vector<ReadSeries> out;
  for (size_t q = 0; q < forecast.quantile_levels.size(); ++q) {
    std::array<LabelSet, kPeriods.size()> labels;
    std::array<bool, kPeriods.size()> wanted = {};
    for (size_t p = 0; p < periods; ++p) {
      labels[p] = CurveLabels(active, forecast.labels, external_labels, forecast.quantile_levels[q],
                              active.rule.day ? kPeriods[p] : nullptr);
      wanted[p] = selector.Matches(labels[p]);
    }
    if (!wanted[0] && !wanted[1]) continue;
    PeriodWriter writer(periods);
    for (TimestampMs t = grid_first_ms; t <= grid_last_ms; t += spacing_ms) {
      const double value =
          t > forecast.origin_ms ? forecast.At(q, t) : PastValue(past, q, t, gap_ms);
      const bool night = active.rule.day && !IsDay(*active.rule.day, timezone, t);
      writer.Add(night ? 1 : 0, t, value);
    }
    for (size_t p = 0; p < periods; ++p) {
      std::vector<Sample> samples = writer.Take(p);
      if (wanted[p] && !samples.empty()) out.push_back({labels[p], std::move(samples)});
    }
  }
  return out;
}

}  // namespace auspex
