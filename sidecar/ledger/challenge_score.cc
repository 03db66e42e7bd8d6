#include "sidecar/ledger/challenge_score.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "model/eval/publish_gate.h"
#include "sidecar/ledger/state_bytes.h"

namespace auspex {
namespace {

// Begins every serialized score; another layout is another number.
constexpr uint32_t kLayout = 1;

constexpr int kBlocks = 8;
// Less than this is no reason to keep an older model.
constexpr double kWorseMin = 0.01;
constexpr int kPatience = 3;
// No sensible forecast loses as much, in units of a season's change.
constexpr double kLossMax = 1e6;

double Bounded(double loss) { return loss < kLossMax ? loss : kLossMax; }

Losses LossesAt(const Outcome& both, std::span<const double> levels, size_t first) {
  Outcome one = both;
  const auto begin = both.quantiles.begin() + static_cast<ptrdiff_t>(first);
  one.quantiles.assign(begin, begin + static_cast<ptrdiff_t>(levels.size()));
  return LossesOf(one, levels);
}

}  // namespace

DurationMs ChallengeBlock(DurationMs for_ms, DurationMs shortest_lead_ms) {
  return std::max(for_ms / kBlocks, shortest_lead_ms);
}

std::optional<PairedLoss> PairedLossOf(const Outcome& both, std::span<const double> levels) {
  if (!(both.seasonal_change > 0) || IsMissing(both.naive)) return std::nullopt;
  return PairedLoss{.aggregate = both.aggregate,
                    .champion = Bounded(LossesAt(both, levels, 0).pinball),
                    .challenger = Bounded(LossesAt(both, levels, levels.size()).pinball)};
}

void ChallengeScore::Add(TimestampMs target_ms, std::span<const PairedLoss> pairs) {
  if (target_ms <= state_.newest_ms || pairs.empty()) return;
  state_.newest_ms = target_ms;
  if (state_.block_start_ms == 0) state_.block_start_ms = target_ms;
  if (const DurationMs past_ms = target_ms - state_.block_start_ms; past_ms >= state_.block_ms) {
    CloseBlock();
    state_.block_start_ms += past_ms / state_.block_ms * state_.block_ms;
  }
  for (const PairedLoss& pair : pairs) {
    Sums& sums = open_[pair.aggregate];
    sums.champion += pair.champion;
    sums.challenger += pair.challenger;
    ++sums.count;
  }
}

void ChallengeScore::CloseBlock() {
  // Losses below the floor count as equal: both models are then exact.
  constexpr double kFloor = model::kGateErrorFloor;
  double log_ratio = 0;
  for (const auto& [aggregate, sums] : open_) {
    const auto count = static_cast<double>(sums.count);
    log_ratio += std::log(std::max(sums.challenger / count, kFloor) /
                          std::max(sums.champion / count, kFloor));
  }
  log_ratio /= static_cast<double>(open_.size());
  open_.clear();
  // Welford's mean and variance.
  ++state_.blocks;
  const double off = log_ratio - state_.mean;
  state_.mean += off / static_cast<double>(state_.blocks);
  state_.squares += off * (log_ratio - state_.mean);
}

ChallengeEvidence ChallengeScore::evidence() const {
  ChallengeEvidence evidence{.blocks = static_cast<int>(state_.blocks)};
  const auto blocks = static_cast<double>(state_.blocks);
  if (blocks > 0) evidence.log_ratio = state_.mean;
  if (blocks > 1) evidence.standard_error = std::sqrt(state_.squares / (blocks - 1) / blocks);
  return evidence;
}

std::string ChallengeScore::Serialize() const {
  std::string bytes;
  PutValue(kLayout, &bytes);
  PutValue(state_, &bytes);
  for (const auto& [aggregate, sums] : open_) {
    PutValue(aggregate, &bytes);
    PutValue(sums, &bytes);
  }
  return bytes;
}

bool ChallengeScore::Parse(std::string_view bytes) {
  uint32_t layout = 0;
  ChallengeScore read;
  if (!TakeValue(&bytes, &layout) || layout != kLayout) return false;
  if (!TakeValue(&bytes, &read.state_) || read.state_.block_ms <= 0) return false;
  while (!bytes.empty()) {
    AggregateId aggregate{};
    Sums sums;
    if (!TakeValue(&bytes, &aggregate) || !TakeValue(&bytes, &sums)) return false;
    read.open_[aggregate] = sums;
  }
  *this = std::move(read);
  return true;
}

ChallengeDecision DecideChallenge(const ChallengeEvidence& evidence, DurationMs age_ms,
                                  DurationMs for_ms, DurationMs block_ms) {
  if (age_ms < for_ms) return {ChallengeVerdict::kGoesOn, "too_young"};
  if (evidence.blocks < kBlocks) {
    const bool patient = age_ms < kPatience * kBlocks * block_ms;
    return patient ? ChallengeDecision{ChallengeVerdict::kGoesOn, "too_few_outcomes"}
                   : ChallengeDecision{ChallengeVerdict::kDrop, "undecided"};
  }
  const double error = evidence.standard_error;
  // Neither comparison holds for a NaN: a challenger without a number is not promoted.
  if (evidence.log_ratio < -error) return {ChallengeVerdict::kPromote, "better"};
  if (evidence.log_ratio <= std::max(error, kWorseMin)) {
    return {ChallengeVerdict::kPromote, "not_worse"};
  }
  return {ChallengeVerdict::kDrop, "worse"};
}

}  // namespace auspex
