// The network's shape that a rule asks for.
#pragma once

#include "model/spec/model_spec.h"
#include "sidecar/core/day_period.h"
#include "sidecar/core/rule.h"

namespace auspex {

// The spec under which `rule` is trained and forecast at `now_ms`. Its horizon is longer than the
// rule's by what passes until the next issue, so that a curve is never shorter than the rule's
// horizon while it is the latest one.
model::ModelSpec SpecForRule(const Rule& rule, const TimeZone& timezone, TimestampMs now_ms);

}  // namespace auspex
