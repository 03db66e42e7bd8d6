#include "sidecar/app/history_set.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sidecar/core/duration.h"
#include "sidecar/forecast/rule_spec.h"
#include "sidecar/history/aggregates_by_labels.h"

namespace auspex {
namespace {

// Prometheus' form without metric name and braces.
std::string LabelsText(const LabelSet& labels) {
  const auto append = [](std::string* out, const LabelSet::Label& label) {
    absl::StrAppend(out, label.first, "=\"", EscapeLabelValue(label.second), "\"");
  };
  return absl::StrJoin(labels.Without(kMetricName).labels(), ",", append);
}

// The values of an aggregate, under a metric and labels.
absl::StatusOr<CsvSeries> ReadSeries(const ScratchHistory& source, AggregateId aggregate,
                                     const std::string& metric, const LabelSet& labels) {
  const auto values = source.history().Read(aggregate, source.range());
  if (!values.ok()) return values.status();
  CsvSeries series{.metric = metric, .labels = LabelsText(labels)};
  for (size_t i = 0; i < values->size(); ++i) {
    if (IsMissing((*values)[i])) continue;
    series.timestamps_ms.push_back(
        source.range().first_ms + static_cast<DurationMs>(i) * source.active().rule.values.step_ms);
    series.values.push_back((*values)[i]);
  }
  return series;
}

// A series of each of the rule's aggregates, by labels: of what `companion` says belongs to it.
absl::StatusOr<std::vector<CsvSeries>> ReadAll(
    const ScratchHistory& source, const std::string& metric,
    const std::function<std::optional<AggregateId>(AggregateId, const LabelSet&)>& companion) {
  std::vector<CsvSeries> all;
  for (const auto& [aggregate, labels] : source.history().Aggregates(source.active().values_id)) {
    const auto of_it = companion(aggregate, labels);
    if (!of_it) continue;
    auto series = ReadSeries(source, *of_it, metric, labels);
    if (!series.ok()) return series.status();
    if (!series->values.empty()) all.push_back(*std::move(series));
  }
  std::sort(all.begin(), all.end(),
            [](const CsvSeries& a, const CsvSeries& b) { return a.labels < b.labels; });
  return all;
}

absl::StatusOr<std::vector<TimestampMs>> SpreadOrigins(const std::vector<CsvSeries>& series,
                                                       const Rule& rule, int origins) {
  const DurationMs step_ms = rule.values.step_ms;
  TimestampMs first_ms = series.front().timestamps_ms.front();
  TimestampMs last_ms = series.front().timestamps_ms.back();
  for (const CsvSeries& one : series) {
    first_ms = std::min(first_ms, one.timestamps_ms.front());
    last_ms = std::max(last_ms, one.timestamps_ms.back());
  }
  const TimestampMs to_ms = last_ms - rule.horizon_ms;
  const TimestampMs from_ms = StepCeil(last_ms - (last_ms - first_ms) / 3, step_ms);
  if (to_ms < from_ms) {
    return absl::FailedPreconditionError(
        absl::StrCat("a backtest ", FormatDuration(rule.horizon_ms),
                     " ahead needs three times as much history; ", "there are ",
                     FormatDuration(last_ms - first_ms)));
  }
  std::vector<TimestampMs> times;
  for (int i = 0; i < origins; ++i) {
    // Of one origin the newest says most.
    const double share = origins == 1 ? 1 : static_cast<double>(i) / (origins - 1);
    const auto since = static_cast<DurationMs>(share * static_cast<double>(to_ms - from_ms));
    times.push_back(from_ms + StepFloor(since, step_ms));
  }
  times.erase(std::unique(times.begin(), times.end()), times.end());
  return times;
}

// By the names of their aggregation rules, and with the labels of the aggregates that read them.
absl::Status AddCovariates(const ScratchHistory& source, BacktestSet* set) {
  const std::vector<AggregatesByLabels> covariates =
      CovariatesByLabels(source.history(), source.active());
  for (size_t i = 0; i < covariates.size(); ++i) {
    const std::string& name = source.active().rule.covariates[i].name;
    auto series = ReadAll(source, name, [&](AggregateId, const LabelSet& labels) {
      return covariates[i].Find(labels);
    });
    if (!series.ok()) return series.status();
    std::move(series->begin(), series->end(), std::back_inserter(set->covariates));
    set->manifest.covariates.push_back(name);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<BacktestSet> SetFromHistory(const ScratchHistory& history, int origins) {
  const Rule& rule = history.active().rule;
  auto series = ReadAll(history, rule.name, [](AggregateId aggregate, const LabelSet&) {
    return std::optional(aggregate);
  });
  if (!series.ok()) return series.status();
  if (series->empty()) return absl::NotFoundError("the history has no value");
  auto times = SpreadOrigins(*series, rule, origins);
  if (!times.ok()) return times.status();
  BacktestSet set{.manifest = {}, .observed = *std::move(series), .covariates = {}, .clean = {}};
  BacktestManifest& manifest = set.manifest;
  manifest.name = rule.name;
  manifest.step_ms = manifest.score_step_ms = rule.values.step_ms;
  manifest.horizon_steps = static_cast<int>(rule.horizon_ms / rule.values.step_ms);
  model::ModelSpec spec;
  spec.step_ms = rule.values.step_ms;
  manifest.mase_season_steps = spec.has_day() ? spec.season_steps() : 1;
  manifest.min_history_points = 2 * manifest.mase_season_steps;
  manifest.scored_metrics = {rule.name};
  manifest.origins_ms = *std::move(times);
  if (absl::Status s = AddCovariates(history, &set); !s.ok()) return s;
  return set;
}

model::ModelSpec BacktestSpec(const Rule& rule, const TimeZone& timezone, TimestampMs now_ms) {
  model::ModelSpec spec = SpecForRule(rule, timezone, now_ms);
  spec.horizon_steps = static_cast<int>(rule.horizon_ms / rule.values.step_ms);
  return spec;
}

}  // namespace auspex
