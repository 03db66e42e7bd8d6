// Where the live closing of one rule stands: which step is next, and from when on it saw
// everything.
#pragma once

#include <optional>
#include <vector>

#include "sidecar/aggregate/watermark.h"
#include "sidecar/core/aggregation_rule.h"
#include "sidecar/core/sample.h"

namespace auspex {

// Step boundaries, inclusive.
struct StepSpan {
  TimestampMs first_ms = 0;
  TimestampMs last_ms = 0;
  bool operator==(const StepSpan&) const = default;
};

// What a sample means for the steps of a rule.
struct SampleEffect {
  bool needed = false;           // an open step's window holds it
  std::optional<StepSpan> late;  // closed steps whose windows would have held it
};

struct ProgressOptions {
  LatenessOptions lateness;
  // A longer silence between the last sample before a restart and the first one after it is taken
  // for samples that the sender lost. Prometheus' lookback asks for scrapes at least every 2 min.
  DurationMs gap_max_ms = 2 * kMinute;
};

// A step is closed here only when its whole window was seen. So closing starts at the first
// boundary whose window begins at or after the first sample of the rule; it starts again that way
// after a restart when samples were lost, and after the clock leapt by more than a day. The steps
// left out are never closed as empty: they stay gaps of the history, which the upstream fills.
//
// After a restart, Restore gives back the state that the pending log holds, and closing goes on
// with the next step as if the process had never died. Not thread-safe.
class RuleProgress {
 public:
  // REQUIRES: step_ms > 0. `window_ms`: OverTimeWindow of the rule.
  RuleProgress(DurationMs step_ms, DurationMs window_ms, TimestampMs started_at_ms);

  // What a record of the pending log keeps of the progress.
  struct Mark {
    TimestampMs next_ms = 0;       // first boundary not closed yet; 0 when closing has not started
    TimestampMs seen_from_ms = 0;  // every sample since was seen; 0 when there was none
    bool operator==(const Mark&) const = default;
  };
  Mark mark() const { return {.next_ms = next_ms_, .seen_from_ms = seen_from_ms_}; }
  TimestampMs next_ms() const { return next_ms_; }
  void Restore(const Mark& mark);
  // A sample of the pending log.
  void SawReplayed(TimestampMs sample_ms);
  // Steps up to `last_closed_ms` are in the history already.
  void Resume(TimestampMs last_closed_ms);

  // A sample of a sender, wanted or late.
  void Saw(TimestampMs sample_ms);
  SampleEffect EffectOf(TimestampMs sample_ms, PromqlDialect dialect) const;
  // The common case without arithmetic: true only when EffectOf says needed, and not late.
  bool OnlyNeeds(TimestampMs sample_ms) const {
    return window_ms_ >= step_ms_ && sample_ms > next_ms_ - step_ms_;
  }

  // The boundary that has to be closed now, if there is one. It stays due until Close is called.
  std::optional<TimestampMs> NextDue(TimestampMs now_ms, const ProgressOptions& options);
  // REQUIRES: t_ms is what NextDue answered.
  void Close(TimestampMs t_ms);

  // Samples before it decide no step that will be closed here. Max of int64 when no sample does.
  TimestampMs keep_from_ms() const;

 private:
  bool LostSamples(DurationMs gap_max_ms) const;
  void StartOver(TimestampMs seen_from_ms);

  const DurationMs step_ms_;
  const DurationMs window_ms_;
  const TimestampMs started_at_ms_;
  TimestampMs next_ms_ = 0;             // see Mark
  TimestampMs seen_from_ms_ = 0;        // see Mark
  TimestampMs history_last_ms_ = 0;     // newest step that the history held at the start
  TimestampMs newest_replayed_ms_ = 0;  // 0 when nothing was replayed, or it is settled
  TimestampMs oldest_live_ms_ = 0;      // of the samples since the start; 0 when none
  TimestampMs newest_live_ms_ = 0;
};

// Steps to be read again from the upstream. Spans that touch become one; of more than a few the
// oldest two do as well. Not thread-safe.
class DirtySteps {
 public:
  explicit DirtySteps(DurationMs step_ms) : step_ms_(step_ms) {}
  void Add(StepSpan span);
  // Hands out the spans, oldest first, and forgets them.
  std::vector<StepSpan> Take();

 private:
  DurationMs step_ms_;
  std::vector<StepSpan> spans_;  // ascending, not touching
};

}  // namespace auspex
