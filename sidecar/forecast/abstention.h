// When a forecast may be made from a context at all.
#pragma once

#include <span>

#include "sidecar/core/sample.h"

namespace auspex {

// With fewer values than this in the context there is nothing to forecast from.
inline constexpr int kContextValuesMin = 12;
// How long an aggregate may be silent before it counts as ended: alone, and together with every
// other aggregate of its rule (then it is rather the scrape that failed).
inline constexpr DurationMs kSilenceMax = 10 * kMinute;
inline constexpr DurationMs kRuleSilenceMax = kHour;

// What a context holds.
struct ContextState {
  int values = 0;         // steps that are not missing
  int first = -1;         // index of the oldest value, -1 when there is none
  int silent_steps = 0;   // missing steps at the end
  double last_value = 0;  // newest value
  bool never_negative = true;
};
ContextState InspectContext(std::span<const float> context);

enum class Verdict {
  kForecast,  // the newest step has a value
  kGap,       // forecast over a short silence, and say so
  kTooShort,  // say only that there is not enough history
  kEnded,     // nothing: the aggregate is gone
};
// `rule_silent_steps` is the smallest silence among the rule's aggregates.
Verdict JudgeContext(const ContextState& state, int rule_silent_steps, DurationMs step_ms);

}  // namespace auspex
