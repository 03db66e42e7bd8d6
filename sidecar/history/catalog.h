// The dictionary on disk: rules, their aggregates, their closed steps.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sidecar/history/rule_history.h"
#include "sidecar/history/store.h"

namespace rocksdb {
class WriteBatch;
}

namespace auspex {

// What is kept of a rule besides its values.
struct RuleRow {
  RuleId id{};
  std::string fingerprint;
  DurationMs step_ms = 0;
  DurationMs block_ms = 0;
  TimestampMs sealed_ms = 0;
};

// Not thread-safe: History's lock guards it. Rows written through a batch become durable with it.
class Catalog {
 public:
  // `store` must outlive it.
  explicit Catalog(Store& store) : store_(store) {}

  // Reads the next free ids. Call once, before anything else.
  absl::Status Load();

  // NotFound when the name is unknown.
  absl::StatusOr<RuleRow> FindRule(std::string_view name) const;
  // Every known rule by name.
  absl::StatusOr<std::map<std::string, RuleRow>> Rules() const;
  // Reads the rule's aggregates and closed steps into `rule`.
  absl::Status LoadRule(RuleHistory& rule) const;

  RuleId NewRuleId(rocksdb::WriteBatch& batch);
  AggregateId NewAggregateId(rocksdb::WriteBatch& batch);
  void PutRule(std::string_view name, const RuleRow& row, rocksdb::WriteBatch& batch);
  void DeleteRule(std::string_view name, RuleId id, rocksdb::WriteBatch& batch);
  void PutAggregate(RuleId rule, AggregateId aggregate, const LabelSet& labels,
                    rocksdb::WriteBatch& batch);
  void DeleteAggregate(RuleId rule, AggregateId aggregate, rocksdb::WriteBatch& batch);
  void PutClosed(const RuleHistory& rule, rocksdb::WriteBatch& batch);

 private:
  void PutNextIds(rocksdb::WriteBatch& batch);

  Store& store_;
  uint32_t next_rule_ = 1;
  uint32_t next_aggregate_ = 1;
};

}  // namespace auspex
