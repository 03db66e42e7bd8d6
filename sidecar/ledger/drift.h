// Whether the live loss of a rule has left the band in which it lay.
#pragma once

#include "sidecar/core/sample.h"

namespace auspex {

// A one-sided CUSUM (Page 1954) over the logarithm of the mean loss in blocks of time, in standard
// deviations from its running mean (the band; both decay with kLossHalfLife): it adds up what is
// above the mean by more than half a deviation, and alarms at 10. No block adds more than 2.5, so
// that no single bad one is an alarm: four are.
//
// False alarms: independent normal blocks give one in 140,000 (Siegmund 1985: (exp(b) - b - 1) /
// 0.5 with b = 10 + 1.166). Losses of neighbouring blocks are alike; correlated by 0.3 they gave 21
// alarms in 50 simulated years of three-hour blocks, by 0.5 151, each of which costs a training. A
// loss that doubles (2.3 deviations there) was found after 6 blocks in the mean. A plain value.
class DriftTest {
 public:
  // Adds the mean loss (> 0) of the targets at `target_ms`; blocks of `block_ms` begin at its
  // multiples, and targets before the present block are left out. True when a block that this
  // closes raises the alarm; the sum then starts again, with the band where it is.
  bool Add(double loss, TimestampMs target_ms, DurationMs block_ms);

  // The present sum in deviations: 0..10.
  double score() const { return score_; }
  // Whether there were blocks enough to know the band.
  bool ready() const { return blocks_ >= kBlocksMin; }
  TimestampMs alarmed_at_ms() const { return alarmed_at_ms_; }  // end of the block; 0: never

 private:
  static constexpr double kBlocksMin = 24;

  bool CloseBlock(DurationMs block_ms);
  void MoveBand(double log_loss, DurationMs block_ms);

  TimestampMs block_start_ms_ = 0;
  TimestampMs alarmed_at_ms_ = 0;
  double block_sum_ = 0;
  double block_count_ = 0;
  double blocks_ = 0;  // decayed number behind the band
  double mean_ = 0;    // of the logarithms
  double variance_ = 0;
  double score_ = 0;
};

}  // namespace auspex
