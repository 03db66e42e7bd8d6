#include "sidecar/trainer/retrain_policy.h"

#include <algorithm>

namespace auspex {
namespace {

constexpr DurationMs kBackoffMin = kMinute;
constexpr DurationMs kBackoffMax = kHour;
constexpr int kDoublingsMax = 6;  // 64 minutes: past the maximum
// History that doubles faster than this is not worth another training.
constexpr DurationMs kGrowthMin = kHour;

constexpr DurationMs kDriftTrainingMin = kHour;
constexpr DurationMs kDriftTrainingShare = 4;
constexpr std::string_view kDrift = "drift";
constexpr std::string_view kMoreHistory = "more_history";

DurationMs BackoffAfter(int failures) {
  return std::min(kBackoffMax, kBackoffMin << std::min(failures - 1, kDoublingsMax));
}

}  // namespace

DurationMs TrainingHistoryMin(const Rule& rule) {
  return std::clamp(rule.horizon_ms, 12 * kHour, 3 * kDay);
}

DurationMs DriftTrainingMin(const Rule& rule) {
  return std::max(kDriftTrainingMin, rule.retrain.every_ms / kDriftTrainingShare);
}

DurationMs ChallengeLength(const Rule& rule, std::string_view reason) {
  return rule.retrain.challenge->for_ms / (reason == kDrift ? kDriftTrainingShare : 1);
}

bool EvidenceLasts(std::string_view reason) { return reason != kDrift && reason != kMoreHistory; }

TrainingDecision DecideTraining(const Rule& rule, const TrainingState& state, TimestampMs now_ms) {
  if (state.history_ms < TrainingHistoryMin(rule)) return {false, "collecting"};
  if (state.requested) return {true, "requested"};
  if (state.failures > 0 && now_ms - state.failed_at_ms < BackoffAfter(state.failures)) {
    return {false, "backoff"};
  }
  if (state.trained_at_ms == 0) return {true, "first"};
  const DurationMs age_ms = now_ms - state.trained_at_ms;
  const bool drift = state.drifted_at_ms > state.trained_at_ms && age_ms >= DriftTrainingMin(rule);
  if (state.challenged) return {drift, drift ? kDrift : "challenged"};
  if (age_ms >= rule.retrain.every_ms) return {true, "periodic"};
  const DurationMs history_then_ms = state.history_ms - age_ms;
  if (age_ms >= kGrowthMin && age_ms >= history_then_ms) return {true, kMoreHistory};
  if (drift) return {true, kDrift};
  return {false, "fresh"};
}

}  // namespace auspex
