// The trial of a newly trained model version (the challenger) beside the one that serves (the
// champion): plain values between the stages that know of it.
#pragma once

#include <cstdint>
#include <string>

#include "sidecar/core/sample.h"

namespace auspex {

// How the challenger's loss compares with the champion's, on identical targets.
struct ChallengeEvidence {
  int blocks = 0;  // stretches of time that were compared
  // Mean over the blocks of the logarithm of challenger's over champion's loss: below 0 the
  // challenger is better. NaN without a block.
  double log_ratio = Missing();
  double standard_error = Missing();  // of that mean; NaN with less than two blocks
};

enum class ChallengeState { kRunning, kPromoted, kDropped };

struct Challenge {
  uint64_t version = 0;   // the challenger
  uint64_t champion = 0;  // the version that served when it began
  TimestampMs started_at_ms = 0;
  DurationMs for_ms = 0;  // it lasts at least this long
  ChallengeState state = ChallengeState::kRunning;

  // Once it has ended.
  TimestampMs ended_at_ms = 0;
  // better | not_worse | worse | undecided, or without regard to the evidence: superseded (by a
  // newer version), rollback, not_configured (any more), no_champion (that can be read)
  std::string reason = {};
  ChallengeEvidence evidence = {};
};

// "running", "promoted" or "dropped".
inline const char* ChallengeStateName(ChallengeState state) {
  switch (state) {
    case ChallengeState::kRunning:
      return "running";
    case ChallengeState::kPromoted:
      return "promoted";
    case ChallengeState::kDropped:
      return "dropped";
  }
  return "unknown";
}

}  // namespace auspex
