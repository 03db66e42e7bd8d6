#include "sidecar/ledger/drift.h"

#include <algorithm>
#include <cmath>

#include "sidecar/ledger/loss_sums.h"

namespace auspex {
namespace {

constexpr double kSlack = 0.5;
constexpr double kDeviationsMax = 3;
constexpr double kAlarm = 10;
// Losses that hardly vary would make every wobble an alarm: 5 % more is none.
constexpr double kDeviationMin = 0.05;

}  // namespace

bool DriftTest::Add(double loss, TimestampMs target_ms, DurationMs block_ms) {
  const TimestampMs start_ms = target_ms - target_ms % block_ms;
  if (start_ms < block_start_ms_ || !(loss > 0)) return false;
  const bool alarm = start_ms > block_start_ms_ && block_count_ > 0 && CloseBlock(block_ms);
  block_start_ms_ = start_ms;
  block_sum_ += loss;
  block_count_ += 1;
  return alarm;
}

bool DriftTest::CloseBlock(DurationMs block_ms) {
  const double log_loss = std::log(block_sum_ / block_count_);
  block_sum_ = 0;
  block_count_ = 0;
  if (ready()) {
    const double deviation = std::max(kDeviationMin, std::sqrt(variance_));
    const double excess = std::min((log_loss - mean_) / deviation, kDeviationsMax);
    score_ = std::clamp(score_ + excess - kSlack, 0.0, kAlarm);
  }
  const bool alarm = score_ >= kAlarm;
  if (alarm) {
    alarmed_at_ms_ = block_start_ms_ + block_ms;
    score_ = 0;
  }
  MoveBand(log_loss, block_ms);
  return alarm;
}

// Exponentially weighted mean and variance (West 1979); plain ones while there are few blocks.
void DriftTest::MoveBand(double log_loss, DurationMs block_ms) {
  const double decay =
      std::exp2(-static_cast<double>(block_ms) / static_cast<double>(kLossHalfLife));
  blocks_ = decay * blocks_ + 1;
  const double off = log_loss - mean_;
  mean_ += off / blocks_;
  variance_ += (off * (log_loss - mean_) - variance_) / blocks_;
}

}  // namespace auspex
