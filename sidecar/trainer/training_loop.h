// Trains every rule that is due and publishes what comes out, as a challenger where the rule asks
// for one.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "sidecar/base/clock.h"
#include "sidecar/base/log.h"
#include "sidecar/base/thread_pool.h"
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
  // When drift was last found, 0: never. May be empty.
  std::function<TimestampMs(const ActiveRule&)> drifted_at = nullptr;
  // After which a job fine-tunes no further aggregate; with a part of the processors, as many times
  // later, but no more than four.
  double seconds_max = 600;
  int jobs = 1;  // rules that are trained at the same time; above 1 `trainer` must allow for it
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

  // A rule whose time has come.
  struct DueRule {
    const ActiveRule& active;
    model::ModelSpec spec;
    TrainingHistory history;
    std::string reason;
  };

  std::vector<DueRule> FindDue(const ActiveRules& rules);
  void Train(const DueRule& due, const std::atomic<bool>& stopping);
  TrainingState StateOf(const ActiveRule& active, const model::ModelSpec& spec,
                        DurationMs history_ms);
  void ShowIdle(const ActiveRule& active, const TrainingState& state);
  absl::Status TrainAndPublish(const DueRule& due, const std::atomic<bool>& stopping);
  TrainingJob JobFor(const DueRule& due) const;
  void Settle(const std::string& rule, const absl::Status& status);

  const TrainingLoopParts parts_;
  const std::unique_ptr<TrainerMetrics> metrics_;  // thread-safe
  std::unique_ptr<ThreadPool> pool_;               // none for one job at a time
  absl::Mutex mu_;
  std::map<std::string, Failures> failures_ ABSL_GUARDED_BY(mu_);  // by rule
  std::set<std::string> requested_ ABSL_GUARDED_BY(mu_);
};

}  // namespace auspex
