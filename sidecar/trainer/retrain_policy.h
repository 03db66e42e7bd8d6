// When a rule is due for training. Pure.
#pragma once

#include <string_view>

#include "sidecar/core/rule.h"
#include "sidecar/core/sample.h"

namespace auspex {

// What is known about a rule at some time.
struct TrainingState {
  DurationMs history_ms = 0;  // closed steps that can be trained on
  // The latest training of a rule that a version of its present shape serves; 0: none does. Of a
  // challenger too, whatever has become of it.
  TimestampMs trained_at_ms = 0;
  bool challenged = false;        // a challenge runs
  int failures = 0;               // since the last success
  TimestampMs failed_at_ms = 0;   // of the latest failure
  bool requested = false;         // by a person
  TimestampMs drifted_at_ms = 0;  // when the live loss last left its band; 0: never
};

struct TrainingDecision {
  bool due = false;
  // requested | first | periodic | more_history | drift, or why not: collecting | backoff | fresh |
  // challenged
  std::string_view reason;
};

// Least history for a first training: the horizon, but 12 hours to 3 days.
DurationMs TrainingHistoryMin(const Rule& rule);

// A version is not replaced for drift within this time: a quarter of
// `retrain.every`, and at least an hour. What a training cannot mend would else train for ever.
DurationMs DriftTrainingMin(const Rule& rule);

// How long a version that was trained for `reason` challenges at least. After drift a quarter of
// what is configured: the champion, which the challenge protects, is what has become doubtful.
// REQUIRES: rule.retrain.challenge.
DurationMs ChallengeLength(const Rule& rule, std::string_view reason);

// Whether what the gate's candidates did at earlier trainings still counts at one for `reason`. Not
// after drift: it tells of a world that has gone. Nor when history has doubled: a network that
// learnt from half of it tells little of what this one can.
bool EvidenceLasts(std::string_view reason);

// Due when a person asks (if there is enough history), when there is no version yet, after
// `retrain.every`, and once the history has doubled since the last training: a rule that began
// with half a day of data does not wait a day for its second. Also when drift was found
// since the last training, DriftTrainingMin after that at the earliest. While a challenge runs only
// a person and drift make it due: the newer version would take the challenger's place, and none
// would ever come to an end. After failures it waits one minute, then twice as long each time, up
// to an hour.
TrainingDecision DecideTraining(const Rule& rule, const TrainingState& state, TimestampMs now_ms);

}  // namespace auspex
