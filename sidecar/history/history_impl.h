// The state behind History. Split by verb: history.cc, history_append.cc, history_read.cc,
// history_maintain.cc.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "sidecar/history/catalog.h"
#include "sidecar/history/history.h"
#include "sidecar/history/history_metrics.h"
#include "sidecar/history/rule_history.h"
#include "sidecar/history/step_matrix.h"
#include "sidecar/history/store.h"

namespace auspex {

class History::Impl {
 public:
  Impl(Store& store_ref, HistoryOptions history_options, Logger log, prometheus::Registry& registry)
      : store(store_ref),
        options(history_options),
        logger(log.For("history")),
        metrics(registry),
        catalog(store_ref) {}

  RuleHistory* FindRule(RuleId rule) ABSL_SHARED_LOCKS_REQUIRED(mu);
  const RuleHistory* FindRule(RuleId rule) const ABSL_SHARED_LOCKS_REQUIRED(mu);
  // The rule that an aggregate belongs to, or null.
  const RuleHistory* RuleOf(AggregateId aggregate) const ABSL_SHARED_LOCKS_REQUIRED(mu);

  // history.cc
  absl::Status LoadRule(RuleHistory& rule) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  absl::Status LoadContext(RuleHistory& rule, AggregateId id, AggregateHistory& aggregate)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  absl::Status LoadOpenSteps(RuleHistory& rule) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  absl::Status DropRule(const std::string& name, RuleId id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  void PutRuleRow(const RuleHistory& rule, rocksdb::WriteBatch& batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);

  // history_append.cc
  // Closes the steps of one sealed block, of every aggregate.
  absl::Status AppendSealed(RuleHistory& rule, const StepMatrix& steps)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  // Closes steps that are not sealed yet: one row each.
  absl::Status AppendOpen(RuleHistory& rule, const StepMatrix& steps)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  // Replaces steps of one aggregate, which lie in one block, in its sealed block.
  absl::Status RewriteBlock(const RuleHistory& rule, AggregateId aggregate, const StepMatrix& steps,
                            rocksdb::WriteBatch& batch) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  // Writes the batch, and with it that the steps are closed; then they are in memory as well.
  absl::Status CommitSteps(RuleHistory& rule, const StepMatrix& steps, rocksdb::WriteBatch& batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  absl::Status Commit(rocksdb::WriteBatch& batch, const char* what);

  // history_read.cc
  // The values of a sealed block; all missing when there is none.
  absl::StatusOr<std::vector<double>> ReadBlock(const RuleHistory& rule, AggregateId aggregate,
                                                TimestampMs block_start_ms) const
      ABSL_SHARED_LOCKS_REQUIRED(mu);

  // history_maintain.cc
  // Writes the blocks before the block of `t_ms`: from then on they are sealed.
  absl::Status SealBefore(RuleHistory& rule, TimestampMs t_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  // Writes the values of the first open block, if any, and moves the rule's sealed time.
  absl::Status SealTo(RuleHistory& rule, TimestampMs sealed_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  // Deletes the blocks of an aggregate that begin at starts.first_ms or later, before
  // starts.last_ms.
  void DropBlocks(const RuleHistory& rule, AggregateId aggregate, StepRange starts,
                  rocksdb::WriteBatch& batch) ABSL_SHARED_LOCKS_REQUIRED(mu);
  absl::Status DropExpired(RuleHistory& rule, TimestampMs now_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  size_t MemoryBytes() const ABSL_SHARED_LOCKS_REQUIRED(mu);
  void ShowMetrics() const ABSL_SHARED_LOCKS_REQUIRED(mu);

  Store& store;
  const HistoryOptions options;
  const Logger logger;
  mutable HistoryMetrics metrics;

  mutable absl::Mutex mu;
  Catalog catalog ABSL_GUARDED_BY(mu);
  std::map<RuleId, RuleHistory> rules ABSL_GUARDED_BY(mu);
  absl::flat_hash_map<AggregateId, RuleId> rule_of ABSL_GUARDED_BY(mu);
};

}  // namespace auspex
