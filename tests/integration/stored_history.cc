#include "tests/integration/stored_history.h"

#include <utility>

#include "prometheus/registry.h"
#include "sidecar/app/rule_book.h"
#include "sidecar/config/config.h"
#include "sidecar/history/store.h"

namespace auspex {
namespace {

absl::StatusOr<StoredRule> ReadRule(const History& history, RuleId id, StepRange range) {
  StoredRule stored{.range = range, .gaps = history.Gaps(id, range)};
  for (const auto& [aggregate, labels] : history.Aggregates(id)) {
    auto values = history.Read(aggregate, range);
    if (!values.ok()) return values.status();
    stored.values[labels] = *std::move(values);
  }
  return stored;
}

}  // namespace

absl::StatusOr<std::map<std::string, StoredRule>> ReadStoredHistory(const std::string& storage_path,
                                                                    const std::string& config_file,
                                                                    StepRange range) {
  const auto config = LoadConfig(config_file);
  if (!config.ok()) return config.status();
  const auto store = Store::Open({.path = storage_path + "/history"}, Logger());
  if (!store.ok()) return store.status();
  prometheus::Registry metrics;
  const auto history = History::Open(**store, HistoryOptions(), Logger(), metrics);
  if (!history.ok()) return history.status();
  RuleBook rules(**history);
  if (absl::Status status = rules.Apply(*config); !status.ok()) return status;

  std::map<std::string, StoredRule> stored;
  for (const Rule& rule : config->rules) {
    for (const AggregationRule& aggregation : rule.Aggregations()) {
      const auto id = rules.IdOf(aggregation.name);
      if (!id.ok()) return id.status();
      auto read = ReadRule(**history, *id, range);
      if (!read.ok()) return read.status();
      stored[aggregation.name] = *std::move(read);
    }
  }
  return stored;
}

}  // namespace auspex
