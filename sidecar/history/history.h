// The values of every aggregate at every closed step: RocksDB, with the recent context in memory.
// On-disk format: sidecar/history/FORMAT.md.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sidecar/base/log.h"
#include "sidecar/core/forecast.h"
#include "sidecar/core/label_set.h"
#include "sidecar/core/sample.h"

namespace prometheus {
class Registry;
}

namespace auspex {

class Store;

// What history must know of an aggregation rule.
struct HistoryRule {
  std::string name;
  std::string fingerprint;  // AggregationRule::Fingerprint(); another one starts empty
  DurationMs step_ms = 0;
  DurationMs retention_ms = 0;  // older steps are dropped
  size_t context_steps = 0;     // newest steps kept in memory (float)
};

struct AggregateValue {
  AggregateId aggregate{};
  double value = 0;
};

// Steps of a rule, inclusive boundaries.
struct StepRange {
  TimestampMs first_ms = 0;
  TimestampMs last_ms = 0;
  bool operator==(const StepRange&) const = default;
};

struct HistoryOptions {
  size_t block_steps = 120;  // steps in one compressed block
};

// Thread-safe. Every write is durable against the death of the process when it returns (store.h).
class History {
 public:
  // `store` must outlive the history.
  static absl::StatusOr<std::unique_ptr<History>> Open(Store& store, HistoryOptions options,
                                                       Logger logger,
                                                       prometheus::Registry& registry);
  ~History();

  // The rule's persistent id; loads its aggregates and contexts on first use after Open.
  absl::StatusOr<RuleId> RegisterRule(const HistoryRule& rule);
  // Forgets rules that are not in `keep`, with all their data.
  absl::Status RetainRules(std::span<const RuleId> keep);

  // The persistent id of an aggregate, made on first sight.
  absl::StatusOr<AggregateId> Intern(RuleId rule, const LabelSet& labels);
  // All known aggregates of a rule, by id ascending. Aggregates with no value inside the
  // retention are forgotten by Maintain.
  std::vector<std::pair<AggregateId, LabelSet>> Aggregates(RuleId rule) const;

  // Makes step `t_ms` closed with exactly these values (others are missing there): one write.
  // Steps close in any order; closing a step again replaces it.
  absl::Status AppendStep(RuleId rule, TimestampMs t_ms, std::span<const AggregateValue> values);
  // Closes a run of steps at once (back-fill): matrix is [aggregates.size()][steps], NaN missing.
  // Steps of the range replace what was there.
  absl::Status AppendRange(RuleId rule, StepRange range, std::span<const AggregateId> aggregates,
                           std::span<const double> matrix);

  // Values of an aggregate at the steps of `range`; NaN where missing.
  absl::StatusOr<std::vector<double>> Read(AggregateId aggregate, StepRange range) const;

  // The newest closed step of a rule, or 0 when none.
  TimestampMs LastStep(RuleId rule) const;
  // Ranges inside `within` that were never closed: not written, not even as empty.
  std::vector<StepRange> Gaps(RuleId rule, StepRange within) const;

  // Copies the `out.size()` steps that end at `last_ms` from memory (oldest first, NaN missing or
  // unknown). REQUIRES: out.size() <= context_steps.
  void Context(AggregateId aggregate, TimestampMs last_ms, std::span<float> out) const;

  // Seals full blocks and drops what is past its retention. Call now and then; cheap when idle.
  absl::Status Maintain(TimestampMs now_ms);

  // Bytes of memory held for contexts, dictionaries and steps that are not sealed.
  size_t MemoryBytes() const;

 private:
  class Impl;
  explicit History(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace auspex
