// From forecasts to the series that are written back (and shown on /forecasts): stamped with the
// time of emission, never with a future time.
#pragma once

#include <span>
#include <vector>

#include "sidecar/core/active_rule.h"
#include "sidecar/core/forecast.h"
#include "sidecar/wire/write_request_encoder.h"

namespace auspex {

// The series of one rule at `now_ms`, all stamped `now_ms`; per forecast
//   *_forecast{horizon,quantile[,period]}              for each lead and level
//   *_forecast_seconds_to_limit{quantile}              each level >= 0.5 of the rule
//   *_forecast_breach_probability{horizon}             for each lead
//   *_forecast_state{model,reason}
// with the aggregate's and the external labels. Values are the latest curve read at now + lead, so
// they move on between two issues. A forecast without values (model "none") gives its state only;
// an unknown limit gives no limit series.
std::vector<LabeledSample> ForecastSeries(const ActiveRule& active, const LabelSet& external_labels,
                                          const TimeZone& timezone,
                                          std::span<const Forecast> forecasts, TimestampMs now_ms);

// Series per aggregate that the rule writes back: known before it is enabled. (With day and night,
// a lead's series changes its `period` label; only one is live at a time.)
size_t SeriesPerAggregate(const Rule& rule);

}  // namespace auspex
