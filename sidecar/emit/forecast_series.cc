#include "sidecar/emit/forecast_series.h"

#include <algorithm>
#include <string>
#include <utility>

#include "sidecar/core/duration.h"
#include "sidecar/forecast/limit.h"

namespace auspex {
namespace {

// Collects the series of one aggregate, all at one timestamp.
class SeriesWriter {
 public:
  SeriesWriter(const LabelSet& labels, TimestampMs now_ms, std::vector<LabeledSample>* out)
      : labels_(labels), now_ms_(now_ms), out_(out) {}

  void Write(const std::string& name, std::vector<LabelSet::Label> extra, double value) {
    extra.emplace_back(kMetricName, name);
    out_->push_back({labels_.Merged(LabelSet(std::move(extra))), {now_ms_, value}});
  }

 private:
  const LabelSet& labels_;
  TimestampMs now_ms_;
  std::vector<LabeledSample>* out_;
};

void WriteLead(const ActiveRule& active, const TimeZone& timezone, const Forecast& forecast,
               DurationMs lead_ms, TimestampMs now_ms, SeriesWriter& writer) {
  const std::string horizon = FormatDuration(lead_ms);
  const TimestampMs target_ms = now_ms + lead_ms;
  for (size_t q = 0; q < forecast.quantile_levels.size(); ++q) {
    const double value = forecast.At(q, target_ms);
    if (IsMissing(value)) continue;  // beyond the curve: no sample, so that absent() sees it
    std::vector<LabelSet::Label> extra = {
        {std::string(kHorizonLabel), horizon},
        {std::string(kQuantileLabel), QuantileLabelValue(forecast.quantile_levels[q])}};
    if (active.rule.day) {
      extra.emplace_back(kPeriodLabel, PeriodName(*active.rule.day, timezone, target_ms));
    }
    writer.Write(active.names.forecast, std::move(extra), value);
  }
  const double probability = BreachProbability(forecast, lead_ms, now_ms);
  if (!IsMissing(probability)) {
    writer.Write(active.names.breach_probability, {{std::string(kHorizonLabel), horizon}},
                 probability);
  }
}

void WriteTimeToLimit(const ActiveRule& active, const Forecast& forecast, TimestampMs now_ms,
                      SeriesWriter& writer) {
  for (size_t q = 0; q < forecast.quantile_levels.size(); ++q) {
    const double level = forecast.quantile_levels[q];
    const double seconds = SecondsToLimit(forecast, q, now_ms);
    if (level < 0.5 || IsMissing(seconds)) continue;
    writer.Write(active.names.seconds_to_limit,
                 {{std::string(kQuantileLabel), QuantileLabelValue(level)}}, seconds);
  }
}

}  // namespace

std::vector<LabeledSample> ForecastSeries(const ActiveRule& active, const LabelSet& external_labels,
                                          const TimeZone& timezone,
                                          std::span<const Forecast> forecasts, TimestampMs now_ms) {
  std::vector<LabeledSample> out;
  out.reserve(forecasts.size() * SeriesPerAggregate(active.rule));
  for (const Forecast& forecast : forecasts) {
    const LabelSet labels = forecast.labels.Merged(external_labels);
    SeriesWriter writer(labels, now_ms, &out);
    writer.Write(
        active.names.state,
        {{std::string(kModelLabel), forecast.model}, {std::string(kReasonLabel), forecast.reason}},
        1);
    if (forecast.values.empty()) continue;
    for (const DurationMs lead_ms : active.rule.leads_ms) {
      WriteLead(active, timezone, forecast, lead_ms, now_ms, writer);
    }
    WriteTimeToLimit(active, forecast, now_ms, writer);
  }
  return out;
}

size_t SeriesPerAggregate(const Rule& rule) {
  const std::vector<double>& levels = rule.model.quantiles;
  const size_t upper =
      std::count_if(levels.begin(), levels.end(), [](double q) { return q >= 0.5; });
  const size_t forecasts = rule.leads_ms.size() * levels.size();
  const size_t limits = rule.limit ? rule.leads_ms.size() + upper : 0;
  return forecasts + limits + 1;
}

}  // namespace auspex
