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
  absl::Status LoadTails(RuleHistory& rule) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  absl::Status DropRule(const std::string& name, RuleId id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  // Where a rule that has no step yet begins to keep unsealed steps.
  void BeginAt(RuleHistory& rule, TimestampMs t_ms, rocksdb::WriteBatch& batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  void PutRuleRow(const RuleHistory& rule, rocksdb::WriteBatch& batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);

  // history_append.cc
  // Replaces the steps of `range`, which lie in one block, of one aggregate in its sealed block;
  // `values` is one per step.
  absl::Status RewriteBlock(const RuleHistory& rule, AggregateId aggregate, StepRange range,
                            std::span<const double> values, rocksdb::WriteBatch& batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  absl::Status Commit(rocksdb::WriteBatch& batch, const char* what);

  // history_read.cc
  // The values of a sealed block; all missing when there is none.
  absl::StatusOr<std::vector<double>> ReadBlock(const RuleHistory& rule, AggregateId aggregate,
                                                TimestampMs block_start_ms) const
      ABSL_SHARED_LOCKS_REQUIRED(mu);

  // history_maintain.cc
  absl::Status SealNextBlock(RuleHistory& rule) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
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
