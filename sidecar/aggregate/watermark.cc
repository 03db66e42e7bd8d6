#include "sidecar/aggregate/watermark.h"

#include <algorithm>

namespace auspex {

TimestampMs Watermark(TimestampMs now_ms, TimestampMs started_at_ms, TimestampMs newest_sample_ms,
                      const LatenessOptions& options) {
  const TimestampMs due_ms = now_ms - options.out_of_order_window_ms;
  if (now_ms - started_at_ms >= options.start_hold_ms) return due_ms;
  return std::min(due_ms, newest_sample_ms - options.out_of_order_window_ms - 1);
}

}  // namespace auspex
