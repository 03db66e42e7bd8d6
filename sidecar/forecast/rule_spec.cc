#include "sidecar/forecast/rule_spec.h"

#include "sidecar/core/duration.h"

namespace auspex {
namespace {

// Steps that may pass between an origin and the next issue besides the interval itself: the wait
// for late samples and the work.
constexpr DurationMs kSlackSteps = 2;

}  // namespace

model::ModelSpec SpecForRule(const Rule& rule, const TimeZone& timezone, TimestampMs now_ms) {
  const DurationMs step_ms = rule.values.step_ms;
  model::ModelSpec spec;
  // The configuration admits only names that ParseCell knows.
  if (const auto cell = model::ParseCell(rule.model.cell); cell.ok()) spec.cell = *cell;
  spec.hidden = rule.model.hidden;
  spec.layers = rule.model.layers;
  spec.members = rule.model.members;
  spec.step_ms = step_ms;
  spec.horizon_steps = static_cast<int>(
      rule.horizon_ms / step_ms + StepCeil(rule.interval_ms, step_ms) / step_ms + kSlackSteps);
  spec.context_steps = static_cast<int>(rule.model.context_ms / step_ms);
  spec.utc_offset_minutes = timezone.UtcOffsetMinutes(now_ms);
  spec.quantiles = rule.model.quantiles;
  for (const AggregationRule& covariate : rule.covariates) {
    spec.covariates.push_back(covariate.Promql());
  }
  spec.special_days = rule.special_days;
  return spec;
}

}  // namespace auspex
