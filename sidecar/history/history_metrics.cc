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
      aggregates_(prometheus::BuildGauge()
                      .Name("auspex_history_aggregates")
                      .Help("Aggregates that the history knows.")
                      .Register(registry)) {}

void HistoryMetrics::SetAggregates(const std::string& rule, size_t aggregates) {
  aggregates_.Add({{"rule", rule}}).Set(static_cast<double>(aggregates));
}

void HistoryMetrics::Forget(const std::string& rule) {
  aggregates_.Remove(&aggregates_.Add({{"rule", rule}}));
}

}  // namespace auspex
