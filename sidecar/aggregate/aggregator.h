// The live path: samples in, closed steps out.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "sidecar/aggregate/rule_progress.h"
#include "sidecar/base/clock.h"
#include "sidecar/base/log.h"
#include "sidecar/core/aggregation_rule.h"
#include "sidecar/core/label_set.h"
#include "sidecar/core/sample.h"
#include "sidecar/ingest/series_sink.h"

namespace prometheus {
class Registry;
}

namespace auspex {

// A rule as the live path takes it.
struct AggregatorRule {
  AggregationRule rule;
  size_t aggregates_max = 10000;  // series of further aggregates are refused and counted
};

struct AggregatorOptions {
  ProgressOptions progress;
  DurationMs future_max_ms = 10 * kMinute;  // samples further ahead are out of bounds
  DurationMs repair_age_max_ms = 7 * kDay;  // late samples older than this mark no step for repair
  DurationMs generation_ms = 10 * kMinute;  // what is unused for two of them is forgotten
  // Beyond these limits samples are refused, and everything else goes on.
  size_t series_max = 1'000'000;
  size_t router_entries_max = 4'000'000;  // about 40 bytes each; beyond it routing is slower
  // 16 bytes each. Beyond it whole requests are sent back (ResourceExhausted).
  size_t samples_max = 20'000'000;
};

// One step of a rule with the value of every aggregate that has one: there may be none.
struct ClosedStep {
  std::string rule;
  TimestampMs t_ms = 0;
  std::vector<std::pair<std::shared_ptr<const LabelSet>, double>> values;
};

// Steps of a rule that samples came too late for: to be read again from the upstream.
struct StepsToRepair {
  std::string rule;
  StepSpan steps;
  bool operator==(const StepsToRepair&) const = default;
};

// Folds the samples of every wanted series into the aggregates of its rules, step by step.
//
// Life: SetRules; Replay for every record of the pending log, oldest first; Resume for every rule;
// then Write from many threads, and CloseDue from one. Closed steps go into the history before the
// pending log is trimmed at PendingTrimTime: then a death at any moment loses nothing that was
// acknowledged, and the steps after the restart are those of a process that never died.
// A late sample's repair is remembered by the log for as long as the sample's record is kept.
//
// Thread-safe.
class Aggregator : public SeriesSink {
 public:
  // Makes a record durable before it returns; `newest_ms` is what the record must outlive
  // (history/pending_log). Called by many threads, with a lock held: it must not call back.
  using AppendRecord = std::function<absl::Status(std::string_view record, TimestampMs newest_ms)>;

  // `clock` and `registry` must outlive the aggregator.
  Aggregator(AggregatorOptions options, const Clock& clock, AppendRecord append, Logger logger,
             prometheus::Registry& registry);
  ~Aggregator() override;

  // Takes these rules; names are unique. A rule whose name and fingerprint stay keeps its state.
  void SetRules(std::vector<AggregatorRule> rules);
  // How the upstream evaluates PromQL; kV3 until told otherwise.
  void SetDialect(PromqlDialect dialect);

  // Takes the samples of a record that `append` was given by an earlier process.
  absl::Status Replay(std::string_view record);
  // The history holds the rule's steps up to `last_closed_ms`. Unknown rules are ignored.
  void Resume(std::string_view rule, TimestampMs last_closed_ms);

  absl::Status Write(SeriesBatch& batch, IngestOutcome* outcome) override;

  // Closes every step that is due; the steps of a rule in order. Never holds up Write for long.
  std::vector<ClosedStep> CloseDue(TimestampMs now_ms);

  // Hands out what is to be repaired, and forgets it. Whoever fails to repair gives it back.
  std::vector<StepsToRepair> TakeDirty();
  void MarkDirty(const StepsToRepair& repair);

  // Records whose newest sample is before it are no longer needed. Max of int64 when none is.
  TimestampMs PendingTrimTime() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace auspex
