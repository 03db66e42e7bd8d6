#include "sidecar/history/history_metrics.h"

namespace auspex {
namespace {

prometheus::Counter& AddCounter(prometheus::Registry& registry, const char* name,
                                const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
}

prometheus::Gauge& AddGauge(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

prometheus::Family<prometheus::Gauge>& AddFamily(prometheus::Registry& registry, const char* name,
                                                 const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

}  // namespace

HistoryMetrics::HistoryMetrics(prometheus::Registry& registry)
    : steps_appended(AddCounter(registry, "auspex_history_steps_appended_total",
                                "Steps closed in the history, live or by back-fill.")),
      blocks_sealed(AddCounter(registry, "auspex_history_blocks_sealed_total",
                               "Compressed blocks written when their steps were complete.")),
      blocks_rewritten(AddCounter(registry, "auspex_history_blocks_rewritten_total",
                                  "Compressed blocks written by back-fill and repairs.")),
      memory_bytes(AddGauge(registry, "auspex_history_memory_bytes",
                            "Memory of contexts, unsealed steps and dictionaries.")),
      bytes_per_aggregate(AddGauge(registry, "auspex_history_memory_bytes_per_aggregate",
                                   "Memory of the history divided by its aggregates.")),
      store_memory_bytes(AddGauge(registry, "auspex_history_store_memory_bytes",
                                  "Memory of RocksDB's write buffers and block cache.")),
      aggregates_(AddFamily(registry, "auspex_history_aggregates",
                            "Aggregates that the history knows, by rule.")),
      gap_steps_(AddFamily(registry, "auspex_history_gap_steps",
                           "Steps between the oldest and the newest that were never closed.")),
      last_step_seconds_(AddFamily(registry, "auspex_history_last_step_timestamp_seconds",
                                   "The newest closed step, by rule.")) {}

void HistoryMetrics::Show(const std::string& rule, const RuleNumbers& numbers) {
  aggregates_.Add({{"rule", rule}}).Set(static_cast<double>(numbers.aggregates));
  gap_steps_.Add({{"rule", rule}}).Set(static_cast<double>(numbers.gap_steps));
  last_step_seconds_.Add({{"rule", rule}}).Set(static_cast<double>(numbers.last_step_ms) / 1000.0);
}

void HistoryMetrics::Forget(const std::string& rule) {
  for (auto* family : {&aggregates_, &gap_steps_, &last_step_seconds_}) {
    family->Remove(&family->Add({{"rule", rule}}));
  }
}

}  // namespace auspex
