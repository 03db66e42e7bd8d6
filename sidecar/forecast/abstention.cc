#include "sidecar/forecast/abstention.h"

#include <algorithm>

namespace auspex {

ContextState InspectContext(std::span<const float> context) {
  ContextState state;
  const int size = static_cast<int>(context.size());
  for (int i = 0; i < size; ++i) {
    if (IsMissing(context[i])) continue;
    if (state.first < 0) state.first = i;
    ++state.values;
    state.last_value = context[i];
    state.never_negative = state.never_negative && !(context[i] < 0);
    state.silent_steps = size - 1 - i;
  }
  if (state.values == 0) state.silent_steps = size;
  return state;
}

Verdict JudgeContext(const ContextState& state, int rule_silent_steps, DurationMs step_ms) {
  if (state.values == 0) return Verdict::kEnded;
  const DurationMs silence_max = rule_silent_steps > 0 ? kRuleSilenceMax : kSilenceMax;
  // A step that is longer than the allowance still forgives two missing steps.
  const DurationMs allowed_ms = std::max(silence_max, 2 * step_ms);
  if (state.silent_steps * step_ms > allowed_ms) return Verdict::kEnded;
  if (state.values < kContextValuesMin) return Verdict::kTooShort;
  return state.silent_steps > 0 ? Verdict::kGap : Verdict::kForecast;
}

}  // namespace auspex
