#include "sidecar/serve/curve_reader.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace auspex {
namespace {

using PastByAggregate = absl::flat_hash_map<AggregateId, std::vector<PastPoint>>;

// Appends what a row said at `lead_ms` to the past of each aggregate in `past`, at the levels of
// `latest`. A reload may have changed leads and levels since the row was issued: a lead that it
// does not have gives no point, a level that it does not have a missing value.
void AddPast(const IssuedRow& row, TimestampMs origin_ms, DurationMs lead_ms,
             const Forecast& latest, PastByAggregate* past) {
  const auto found = std::find(row.leads_ms.begin(), row.leads_ms.end(), lead_ms);
  if (found == row.leads_ms.end()) return;
  const auto lead = static_cast<size_t>(found - row.leads_ms.begin());
  std::vector<int> level_now;
  for (const double level : row.quantile_levels) level_now.push_back(latest.LevelIndex(level));
  for (const IssuedForecast& issued : row.forecasts) {
    const auto it = past->find(issued.aggregate);
    if (it == past->end()) continue;
    PastPoint point = {origin_ms + lead_ms, {}};
    point.values.assign(latest.quantile_levels.size(), static_cast<float>(Missing()));
    for (size_t q = 0; q < level_now.size(); ++q) {
      if (level_now[q] >= 0) point.values[level_now[q]] = row.At(issued, lead, q);
    }
    it->second.push_back(std::move(point));
  }
}

// Whether the matchers on one label all accept `value`.
bool LabelAccepted(const Selector& selector, std::string_view name, std::string_view value) {
  return std::all_of(selector.matchers().begin(), selector.matchers().end(),
                     [&](const Matcher& m) { return m.name() != name || m.Matches(value); });
}

// Whether some output of the rule carries the label, so that a matcher on it means our label.
bool RuleHasLabel(const ActiveRule& active, const LabelSet& external_labels,
                  const std::vector<Forecast>& forecasts, std::string_view name) {
  if (external_labels.Has(name)) return true;
  return std::any_of(forecasts.begin(), forecasts.end(),
                     [&](const Forecast& forecast) { return forecast.labels.Has(name); }) ||
         (active.rule.day && name == kPeriodLabel);
}

// The selector without the equality matchers that the upstream adds for its own external labels.
Selector WithoutUpstreamLabels(const Selector& selector, const LabelSet& upstream_labels,
                               const ActiveRule& active, const LabelSet& external_labels,
                               const std::vector<Forecast>& forecasts) {
  std::vector<Matcher> kept;
  for (const Matcher& matcher : selector.matchers()) {
    const bool added = matcher.type() == Matcher::Type::kEqual && !matcher.value().empty() &&
                       upstream_labels.Get(matcher.name()) == matcher.value() &&
                       !RuleHasLabel(active, external_labels, forecasts, matcher.name());
    if (!added) kept.push_back(matcher);
  }
  return Selector(std::move(kept));
}

// The matchers that aggregate labels alone can refuse: not the labels that output adds.
bool AggregateAccepted(const Selector& selector, const LabelSet& labels) {
  return std::all_of(
      selector.matchers().begin(), selector.matchers().end(), [&](const Matcher& matcher) {
        const std::string& name = matcher.name();
        return name == kMetricName || name == kForecastLabel || name == kQuantileLabel ||
               name == kPeriodLabel || matcher.Matches(labels.Get(name));
      });
}

}  // namespace

absl::StatusOr<ReadResult> CurveReader::Read(const Selector& selector,
                                             const LabelSet& upstream_labels, TimestampMs first_ms,
                                             TimestampMs last_ms) const {
  ReadResult out;
  const auto rules = rules_();
  if (first_ms > last_ms || rules == nullptr) return out;
  if (!LabelAccepted(selector, kForecastLabel, kCurve)) return out;
  for (const ActiveRule& active : rules->rules) {
    if (!LabelAccepted(selector, kMetricName, active.names.forecast)) continue;
    const auto latest = forecasts_.Latest(active.rule.name);
    if (latest == nullptr) continue;
    const Selector wanted = WithoutUpstreamLabels(selector, upstream_labels, active,
                                                  rules->external_labels, latest->forecasts);
    if (absl::Status status = ReadRule(active, *rules, *latest, wanted, first_ms, last_ms, &out);
        !status.ok()) {
      return status;
    }
  }
  return out;
}

absl::Status CurveReader::ReadRule(const ActiveRule& active, const ActiveRules& rules,
                                   const RuleForecasts& latest, const Selector& selector,
                                   TimestampMs first_ms, TimestampMs last_ms,
                                   ReadResult* out) const {
  std::vector<const Forecast*> wanted;
  PastByAggregate past;
  for (const Forecast& forecast : latest.forecasts) {
    if (forecast.values.empty()) continue;
    if (!AggregateAccepted(selector, forecast.labels.Merged(rules.external_labels))) continue;
    wanted.push_back(&forecast);
    past[forecast.aggregate];
  }
  if (wanted.empty()) return absl::OkStatus();

  // The past is what had been forecast at the shortest lead; older rows than the rule retains are
  // not there. Clamping first keeps the arithmetic inside int64 for any range asked.
  const DurationMs lead_ms = active.rule.leads_ms.front();
  const TimestampMs oldest_ms = latest.origin_ms - active.rule.retention_ms;
  const TimestampMs past_first_ms = std::max(first_ms, oldest_ms);
  const TimestampMs past_last_ms = std::min(last_ms, latest.origin_ms);
  if (past_first_ms <= past_last_ms) {
    absl::Status status =
        issued_.Read(active.values_id, past_first_ms - lead_ms - active.rule.interval_ms,
                     past_last_ms - lead_ms + active.rule.interval_ms,
                     [&](TimestampMs origin_ms, const IssuedRow& row) {
                       // Forecasts of one run have the same levels.
                       AddPast(row, origin_ms, lead_ms, *wanted.front(), &past);
                     });
    if (!status.ok()) return status;
  }
  for (const Forecast* forecast : wanted) {
    for (ReadSeries& series : BuildCurve(active, rules.external_labels, rules.timezone, selector,
                                         *forecast, past[forecast->aggregate], first_ms, last_ms)) {
      out->push_back(std::move(series));
    }
  }
  return absl::OkStatus();
}

}  // namespace auspex
