#include "sidecar/aggregate/rule_progress.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "sidecar/core/duration.h"

namespace auspex {
namespace {

// Steps further behind than this were not missed but leapt over (a suspended machine, a corrected
// clock); closing them one by one as empty would be false and slow.
constexpr DurationMs kBehindMax = kDay;

constexpr size_t kDirtySpansMax = 64;

}  // namespace

RuleProgress::RuleProgress(DurationMs step_ms, DurationMs window_ms, TimestampMs started_at_ms)
    : step_ms_(step_ms), window_ms_(window_ms), started_at_ms_(started_at_ms) {}

void RuleProgress::Restore(const Mark& mark) {
  next_ms_ = mark.next_ms;
  seen_from_ms_ = mark.seen_from_ms;
}

void RuleProgress::SawReplayed(TimestampMs sample_ms) {
  newest_replayed_ms_ = std::max(newest_replayed_ms_, sample_ms);
}

void RuleProgress::Resume(TimestampMs last_closed_ms) {
  history_last_ms_ = last_closed_ms;
  if (next_ms_ != 0) next_ms_ = std::max(next_ms_, last_closed_ms + step_ms_);
}

void RuleProgress::Saw(TimestampMs sample_ms) {
  if (oldest_live_ms_ == 0 || sample_ms < oldest_live_ms_) oldest_live_ms_ = sample_ms;
  newest_live_ms_ = std::max(newest_live_ms_, sample_ms);
  if (next_ms_ == 0 && (seen_from_ms_ == 0 || sample_ms < seen_from_ms_)) {
    seen_from_ms_ = sample_ms;
  }
}

SampleEffect RuleProgress::EffectOf(TimestampMs sample_ms, PromqlDialect dialect) const {
  // The boundaries whose windows hold the sample; none when steps are longer than the lookback.
  const DurationMs reach_ms = window_ms_ - (dialect == PromqlDialect::kV2 ? 0 : 1);
  const StepSpan touched{.first_ms = StepCeil(sample_ms, step_ms_),
                         .last_ms = StepFloor(sample_ms + reach_ms, step_ms_)};
  if (touched.first_ms > touched.last_ms) return {};
  if (touched.first_ms >= next_ms_) return {.needed = true};
  return {.needed = touched.last_ms >= next_ms_,
          .late = StepSpan{.first_ms = touched.first_ms,
                           .last_ms = std::min(touched.last_ms, next_ms_ - step_ms_)}};
}

std::optional<TimestampMs> RuleProgress::NextDue(TimestampMs now_ms,
                                                 const ProgressOptions& options) {
  if (oldest_live_ms_ == 0) return std::nullopt;
  const TimestampMs watermark_ms =
      Watermark(now_ms, started_at_ms_, newest_live_ms_, options.lateness);
  const TimestampMs candidate_ms =
      next_ms_ != 0
          ? next_ms_
          : std::max(StepCeil(seen_from_ms_ + window_ms_, step_ms_), history_last_ms_ + step_ms_);
  if (candidate_ms > watermark_ms) return std::nullopt;
  if (LostSamples(options.gap_max_ms)) {
    StartOver(oldest_live_ms_);
    return NextDue(now_ms, options);
  }
  newest_replayed_ms_ = 0;
  if (watermark_ms - candidate_ms > kBehindMax) {
    StartOver(0);
    return std::nullopt;
  }
  next_ms_ = candidate_ms;
  return next_ms_;
}

bool RuleProgress::LostSamples(DurationMs gap_max_ms) const {
  return newest_replayed_ms_ != 0 && oldest_live_ms_ - newest_replayed_ms_ > gap_max_ms;
}

void RuleProgress::StartOver(TimestampMs seen_from_ms) {
  next_ms_ = 0;
  seen_from_ms_ = seen_from_ms;
  newest_replayed_ms_ = 0;
  if (seen_from_ms == 0) oldest_live_ms_ = 0;
}

void RuleProgress::Close(TimestampMs t_ms) { next_ms_ = t_ms + step_ms_; }

TimestampMs RuleProgress::keep_from_ms() const {
  if (next_ms_ != 0) return next_ms_ - window_ms_;
  return seen_from_ms_ != 0 ? seen_from_ms_ : std::numeric_limits<TimestampMs>::max();
}

void DirtySteps::Add(StepSpan span) {
  std::vector<StepSpan> merged;
  for (const StepSpan& other : spans_) {
    const bool touches =
        other.first_ms <= span.last_ms + step_ms_ && span.first_ms <= other.last_ms + step_ms_;
    if (touches) {
      span.first_ms = std::min(span.first_ms, other.first_ms);
      span.last_ms = std::max(span.last_ms, other.last_ms);
    } else {
      merged.push_back(other);
    }
  }
  merged.insert(std::ranges::upper_bound(merged, span.first_ms, {}, &StepSpan::first_ms), span);
  if (merged.size() > kDirtySpansMax) {
    merged[1].first_ms = merged[0].first_ms;
    merged.erase(merged.begin());
  }
  spans_ = std::move(merged);
}

std::vector<StepSpan> DirtySteps::Take() { return std::exchange(spans_, {}); }

}  // namespace auspex
