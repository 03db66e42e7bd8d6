// When a step may close: the policy for late data and for senders that are catching up.
#pragma once

#include "sidecar/core/sample.h"

namespace auspex {

struct LatenessOptions {
  // How much later than its timestamp a sample may arrive and still count at once. Behaviour: it
  // delays every forecast by as much. Later samples are repaired from the upstream.
  DurationMs out_of_order_window_ms = 30 * kSecond;
  // How long after the start a step waits for a sender that is still sending older samples.
  DurationMs start_hold_ms = 90 * kSecond;
};

// Step boundaries at or before the result may close. Normally that is the time that every sample
// has had `out_of_order_window_ms` to arrive. Within `start_hold_ms` of `started_at_ms` a step must
// also have been passed by a sample that is newer by more than the window (`newest_sample_ms`,
// since the start; 0 when none): a sender that resends what we missed arrives there step by step.
TimestampMs Watermark(TimestampMs now_ms, TimestampMs started_at_ms, TimestampMs newest_sample_ms,
                      const LatenessOptions& options);

}  // namespace auspex
