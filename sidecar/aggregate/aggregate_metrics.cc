#include "sidecar/aggregate/aggregate_metrics.h"

#include "prometheus/registry.h"

namespace auspex {
namespace {

prometheus::Family<prometheus::Gauge>& GaugeFamily(prometheus::Registry& registry,
                                                   const std::string& name,
                                                   const std::string& help) {
  return prometheus::BuildGauge().Name("auspex_aggregate_" + name).Help(help).Register(registry);
}

prometheus::Family<prometheus::Counter>& CounterFamily(prometheus::Registry& registry,
                                                       const std::string& name,
                                                       const std::string& help) {
  return prometheus::BuildCounter().Name("auspex_aggregate_" + name).Help(help).Register(registry);
}

}  // namespace

RuleMetrics::RuleMetrics(prometheus::Registry& registry, const std::string& rule)
    : aggregates(GaugeFamily(registry, "aggregates", "Aggregates that have members."),
                 {{"rule", rule}}),
      watermark_lag_seconds(
          GaugeFamily(registry, "watermark_lag_seconds",
                      "Age of the newest closed step when due steps were last looked for."),
          {{"rule", rule}}),
      closed_steps(CounterFamily(registry, "closed_steps_total", "Steps closed from live samples."),
                   {{"rule", rule}}),
      late_samples(CounterFamily(registry, "late_samples_total",
                                 "Samples that came after a step of theirs had closed; the step "
                                 "is read again from the upstream."),
                   {{"rule", rule}}),
      refused_series(CounterFamily(registry, "refused_series_total",
                                   "Times that a series was kept out because the rule has as many "
                                   "aggregates as it may have."),
                     {{"rule", rule}}) {}

AggregateMetrics::AggregateMetrics(prometheus::Registry& registry)
    : series(GaugeFamily(registry, "series", "Series that some rule wants.").Add({})),
      buffered_samples(
          GaugeFamily(registry, "buffered_samples", "Samples in memory that open steps need.")
              .Add({})),
      router_entries(GaugeFamily(registry, "router_entries",
                                 "Series whose routing is remembered, wanted or not.")
                         .Add({})),
      refused_samples(CounterFamily(registry, "refused_samples_total",
                                    "Samples of wanted series that a limit keeps out.")
                          .Add({})),
      refused_requests(CounterFamily(registry, "refused_requests_total",
                                     "Requests sent back because the sample buffer was full.")
                           .Add({})),
      replayed_samples(CounterFamily(registry, "replayed_samples_total",
                                     "Samples taken from the pending log after a start.")
                           .Add({})) {}

}  // namespace auspex
