// Metrics of the history.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <string>

#include "sidecar/core/sample.h"

namespace auspex {

// References into the registry that it was made with, which must outlive it. Thread-safe.
class HistoryMetrics {
 public:
  explicit HistoryMetrics(prometheus::Registry& registry);

  struct RuleNumbers {
    size_t aggregates = 0;
    int64_t gap_steps = 0;
    TimestampMs last_step_ms = 0;
  };
  void Show(const std::string& rule, const RuleNumbers& numbers);
  void Forget(const std::string& rule);

  prometheus::Counter& steps_appended;
  prometheus::Counter& blocks_sealed;
  prometheus::Counter& blocks_rewritten;   // repairs and back-fill into sealed blocks
  prometheus::Gauge& memory_bytes;         // contexts, open steps, dictionaries
  prometheus::Gauge& bytes_per_aggregate;  // the same, shared out
  prometheus::Gauge& store_memory_bytes;   // RocksDB's memtables and cache

 private:
  prometheus::Family<prometheus::Gauge>& aggregates_;
  prometheus::Family<prometheus::Gauge>& gap_steps_;
  prometheus::Family<prometheus::Gauge>& last_step_seconds_;
};

}  // namespace auspex
