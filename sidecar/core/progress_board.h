// What each rule is busy with, for the API, the log and the progress bars.
#pragma once

#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"

namespace auspex {

// The life of a rule. The order is that of a first start.
enum class Phase { kFilling, kCollecting, kTraining, kForecasting };

inline const char* PhaseName(Phase phase) {
  switch (phase) {
    case Phase::kFilling:
      return "filling";  // history is read from the upstream
    case Phase::kCollecting:
      return "collecting";  // not enough history to train on
    case Phase::kTraining:
      return "training";
    case Phase::kForecasting:
      return "forecasting";
  }
  return "unknown";
}

struct RuleActivity {
  Phase phase = Phase::kFilling;
  double fraction = 0;     // of the phase, 0..1
  std::string stage;       // detail of the phase ("base", "own", ...)
  std::string last_error;  // of the last failed work; empty after a success
};

// Thread-safe.
class ProgressBoard {
 public:
  void Set(const std::string& rule, Phase phase, double fraction, std::string stage = "") {
    absl::MutexLock lock(&mu_);
    RuleActivity& progress = rules_[rule];
    progress.phase = phase;
    progress.fraction = fraction;
    progress.stage = std::move(stage);
  }
  void SetError(const std::string& rule, std::string error) {
    absl::MutexLock lock(&mu_);
    rules_[rule].last_error = std::move(error);
  }
  RuleActivity Get(const std::string& rule) const {
    absl::MutexLock lock(&mu_);
    const auto it = rules_.find(rule);
    return it == rules_.end() ? RuleActivity() : it->second;
  }

 private:
  mutable absl::Mutex mu_;
  absl::flat_hash_map<std::string, RuleActivity> rules_ ABSL_GUARDED_BY(mu_);
};

}  // namespace auspex
