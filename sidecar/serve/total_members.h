// Which members make a total's forecast rise, as the API tells it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "proto/auspex/v1/auspex.pb.h"
#include "sidecar/core/active_rule.h"
#include "sidecar/forecast/forecast_store.h"

namespace auspex {

// The forecasts that add up to those of one rule.
class TotalMembers {
 public:
  // Of the rules whose total is `total` (hierarchy.h), those whose latest issue has the origin
  // given. `rules` and `total`, one of them, must outlive it.
  TotalMembers(const ActiveRules& rules, const ForecastStore& forecasts, const ActiveRule& total,
               TimestampMs origin_ms);

  // The contributions to a forecast of the total rule, at each of its leads from `now_ms`.
  void FillContributions(const Forecast& total, TimestampMs now_ms,
                         v1::AggregateForecast* out) const;

 private:
  struct MemberRule {
    const ActiveRule* rule;
    std::shared_ptr<const RuleForecasts> issue;  // keeps the forecasts below alive
    absl::flat_hash_map<LabelSet, std::vector<const Forecast*>> by_total;
  };

  const ActiveRule& total_;
  std::vector<MemberRule> members_;
};

}  // namespace auspex
