#include "sidecar/aggregate/series_folder.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "sidecar/aggregate/over_time.h"
#include "sidecar/core/duration.h"

namespace auspex {

RangeFolder::RangeFolder(AggregationRule rule, PromqlDialect dialect, TimestampMs first_ms,
                         TimestampMs last_ms)
    : rule_(std::move(rule)),
      dialect_(dialect),
      window_ms_(OverTimeWindow(rule_.over_time, rule_.step_ms)),
      first_ms_(first_ms),
      steps_(static_cast<size_t>((last_ms - first_ms) / rule_.step_ms) + 1) {}

TimestampMs RangeFolder::samples_from_ms() const { return first_ms_ - window_ms_; }

void RangeFolder::Add(const LabelSet& labels, std::span<const Sample> samples) {
  std::span<GroupAccumulator> accumulators;
  size_t begin = 0;  // samples before it lie before every window still to come
  for (size_t step = 0; step < steps_; ++step) {
    const TimestampMs t_ms = first_ms_ + static_cast<DurationMs>(step) * rule_.step_ms;
    while (begin < samples.size() && samples[begin].timestamp_ms < t_ms - window_ms_) ++begin;
    if (begin == samples.size()) return;
    const std::optional<double> value =
        EvaluateOverTime(rule_.over_time, samples.subspan(begin), t_ms, rule_.step_ms, dialect_);
    if (!value) continue;
    if (accumulators.empty()) accumulators = AggregateSteps(labels);
    accumulators[step].Add(rule_.aggregate, *value);
  }
}

std::span<GroupAccumulator> RangeFolder::AggregateSteps(const LabelSet& labels) {
  std::vector<GroupAccumulator>& steps = aggregates_[AggregateKey(labels, rule_.by)];
  steps.resize(steps_);
  return steps;
}

FoldedRange RangeFolder::Take() {
  FoldedRange folded;
  folded.steps = steps_;
  std::vector<double> row(steps_);
  for (const auto& [labels, accumulators] : aggregates_) {
    std::ranges::transform(accumulators, row.begin(), [&](const GroupAccumulator& accumulator) {
      return accumulator.Value(rule_.aggregate);
    });
    if (std::ranges::all_of(row, IsMissing)) continue;
    folded.aggregates.push_back(labels);
    folded.values.insert(folded.values.end(), row.begin(), row.end());
  }
  aggregates_.clear();
  return folded;
}

}  // namespace auspex
