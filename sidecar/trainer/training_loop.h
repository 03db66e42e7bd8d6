// Trains every rule that is due, one after the other, and publishes what comes out.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "sidecar/base/clock.h"
#include "sidecar/base/log.h"
#include "sidecar/core/active_rule.h"
#include "sidecar/core/progress_board.h"
#include "sidecar/registry/model_registry.h"
#include "sidecar/trainer/trainer.h"
#include "sidecar/trainer/training_history.h"

namespace prometheus {
class Registry;
}

namespace auspex {

class TrainerMetrics;
struct TrainingState;

// What the loop works on; everything must outlive it.
struct TrainingLoopParts {
  std::function<std::shared_ptr<const ActiveRules>()> rules;  // the present configuration
  std::function<model::ModelSpec(const ActiveRule&)> spec;    // the shape a rule asks for
  std::function<TrainingHistory(const ActiveRule&)> history;  // HistoryToTrainOn
  Trainer& trainer;
  ModelRegistry& registry;
  ProgressBoard& progress;
  const Clock& clock;
  Logger logger;
  prometheus::Registry& metrics;
  std::function<size_t()> worker_resident_bytes;  // of the latest job; empty for a remote trainer
  double seconds_max = 600;  // after which a job fine-tunes no further aggregate
};

// One thread calls Run, often: it is cheap when nothing is due. A failed job is logged, shown on
// the board and tried again later; the present models go on serving.
class TrainingLoop {
 public:
  explicit TrainingLoop(TrainingLoopParts parts);
  ~TrainingLoop();

  // Returns soon after `stopping` turns true; the job that runs is then dropped.
  void Run(const std::atomic<bool>& stopping);
  // Trains a rule at the next Run, if it has enough history. Thread-safe.
  void Request(const std::string& rule);

 private:
  struct Failures {
    int count = 0;
    TimestampMs last_ms = 0;
  };

  void TrainIfDue(const ActiveRule& active, const std::atomic<bool>& stopping);
  TrainingState StateOf(const ActiveRule& active, const model::ModelSpec& spec,
                        DurationMs history_ms);
  void ShowIdle(const ActiveRule& active, const TrainingState& state);
  absl::Status TrainAndPublish(const ActiveRule& active, const model::ModelSpec& spec,
                               const TrainingHistory& history, const std::atomic<bool>& stopping);
  void Settle(const std::string& rule, const absl::Status& status);

  const TrainingLoopParts parts_;
  const std::unique_ptr<TrainerMetrics> metrics_;  // thread-safe
  std::map<std::string, Failures> failures_;       // by rule; only Run uses it
  absl::Mutex mu_;
  std::set<std::string> requested_ ABSL_GUARDED_BY(mu_);
};

}  // namespace auspex
