// Reads from the Prometheus we belong to: history at the start, gaps and repairs, pulled queries.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "sidecar/aggregate/aggregator.h"
#include "sidecar/app/rule_book.h"
#include "sidecar/app/upstream_settings.h"
#include "sidecar/base/clock.h"
#include "sidecar/base/log.h"
#include "sidecar/core/progress_board.h"
#include "sidecar/history/history.h"
#include "sidecar/upstream/backfill.h"
#include "sidecar/upstream/query_puller.h"

namespace auspex {

// What the loop works on; everything must outlive it.
struct UpstreamLoopParts {
  const RuleBook& rules;
  Aggregator& aggregator;
  History& history;
  ProgressBoard& progress;
  const Clock& clock;
  Logger logger;
  prometheus::Registry& registry;
};

// One thread calls Run, every few seconds.
class UpstreamLoop {
 public:
  explicit UpstreamLoop(UpstreamLoopParts parts) : parts_(std::move(parts)) {}

  // Another upstream, or none: then there is no history but what is received. Thread-safe.
  void SetUpstream(std::optional<UpstreamSettings> settings);
  // The external labels that the upstream adds to what it sends and asks. Thread-safe.
  LabelSet ExternalLabels() const;

  void Run(const std::atomic<bool>& stopping);

 private:
  // The clients of one upstream.
  struct Connection;
  // One aggregation rule to fill, and the rule that shows its progress.
  struct Target {
    BackfillJob job;
    const ActiveRule* active = nullptr;
  };

  absl::Status Connect();
  void LearnExternalLabels();
  std::vector<Target> Targets(const ActiveRules& rules) const;
  absl::Status Fill(const Target& target, const std::atomic<bool>& stopping);
  void FillRule(const ActiveRule& active, const std::vector<Target>& targets,
                const std::atomic<bool>& stopping);
  void Repair(const std::vector<Target>& targets, const std::atomic<bool>& stopping);
  void Pull(const ActiveRules& rules, const std::atomic<bool>& stopping);
  void ShowFilled(const std::string& rule);

  UpstreamLoopParts parts_;
  std::shared_ptr<Connection> connection_;  // of the running thread; null: not connected

  mutable absl::Mutex mu_;
  std::optional<UpstreamSettings> settings_ ABSL_GUARDED_BY(mu_);
  bool changed_ ABSL_GUARDED_BY(mu_) = false;
  LabelSet external_labels_ ABSL_GUARDED_BY(mu_);
};

}  // namespace auspex
