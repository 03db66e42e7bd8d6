#include "sidecar/forecast/forecast_metrics.h"

#include <array>
#include <map>

namespace auspex {
namespace {

const prometheus::Histogram::BucketBoundaries kSeconds = {0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60};
// Every state that a forecast can be in, so that a state left shows 0 instead of its last count.
constexpr std::array<const char*, 6> kReasons = {"ok",  "gate",        "cold_start",
                                                 "gap", "level_shift", "untrained"};

}  // namespace

ForecastMetrics::ForecastMetrics(prometheus::Registry& registry)
    : failures(prometheus::BuildCounter()
                   .Name("auspex_forecast_failures_total")
                   .Help("Issues that the engine could not compute.")
                   .Register(registry)
                   .Add({})),
      issued_(prometheus::BuildCounter()
                  .Name("auspex_forecast_issued_total")
                  .Help("Forecasts issued, one per aggregate and issue.")
                  .Register(registry)),
      aggregates_(prometheus::BuildGauge()
                      .Name("auspex_forecast_aggregates")
                      .Help("Aggregates in the latest issue, by the reason of their state.")
                      .Register(registry)),
      issue_time_(prometheus::BuildGauge()
                      .Name("auspex_forecast_last_issue_timestamp_seconds")
                      .Help("When the rule's latest forecasts were issued.")
                      .Register(registry)),
      duration_(prometheus::BuildHistogram()
                    .Name("auspex_forecast_duration_seconds")
                    .Help("Time to forecast all aggregates of a rule.")
                    .Register(registry)) {}

void ForecastMetrics::Issued(const std::string& rule, const std::vector<Forecast>& forecasts,
                             double seconds) {
  issued_.Add({{"rule", rule}}).Increment(static_cast<double>(forecasts.size()));
  duration_.Add({{"rule", rule}}, kSeconds).Observe(seconds);
  std::map<std::string, int> by_reason;
  for (const Forecast& forecast : forecasts) ++by_reason[forecast.reason];
  for (const char* reason : kReasons) {
    aggregates_.Add({{"rule", rule}, {"reason", reason}}).Set(by_reason[reason]);
  }
  if (!forecasts.empty()) {
    issue_time_.Add({{"rule", rule}})
        .Set(static_cast<double>(forecasts.front().issued_at_ms) / 1000.0);
  }
}

}  // namespace auspex
