// The aggregator's insides: aggregator.cc has the rules and the closing of steps,
// aggregator_write.cc the way of a request.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "sidecar/aggregate/aggregate_metrics.h"
#include "sidecar/aggregate/aggregator.h"
#include "sidecar/aggregate/buffer_locks.h"
#include "sidecar/aggregate/group_accumulator.h"
#include "sidecar/aggregate/rule_state.h"
#include "sidecar/aggregate/series_table.h"
#include "sidecar/aggregate/staged_request.h"

namespace auspex {

class Aggregator::Impl {
 public:
  Impl(AggregatorOptions options, const Clock& clock, AppendRecord append, Logger logger,
       prometheus::Registry& registry)
      : options_(options),
        clock_(clock),
        append_(std::move(append)),
        logger_(std::move(logger)),
        registry_(registry),
        metrics_(registry),
        table_(options.series_max, options.router_entries_max) {}

  void SetRules(std::vector<AggregatorRule> rules) ABSL_LOCKS_EXCLUDED(closing_mu_, mu_);
  void SetDialect(PromqlDialect dialect) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Replay(std::string_view record) ABSL_LOCKS_EXCLUDED(mu_);
  void Resume(std::string_view rule, TimestampMs last_closed_ms) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Write(SeriesBatch& batch, IngestOutcome* outcome) ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<ClosedStep> CloseDue(TimestampMs now_ms) ABSL_LOCKS_EXCLUDED(closing_mu_, mu_);
  std::vector<StepsToRepair> TakeDirty() ABSL_LOCKS_EXCLUDED(mu_);
  void MarkDirty(const StepsToRepair& repair) ABSL_LOCKS_EXCLUDED(mu_);
  TimestampMs PendingTrimTime() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // Where samples come from: the log knows of them already, and no sender is behind them.
  enum class Origin { kSender, kPendingLog };

  // What a series says of itself whose route is not known.
  struct Learned {
    size_t position = 0;            // in the request
    SeriesIndex answer = kUnknown;  // kUnknown: the rules have to say
    SeriesTable::Candidate candidate;
  };

  absl::Status WriteStaged(SeriesBatch& batch, StagedRequest& staged) ABSL_LOCKS_EXCLUDED(mu_);
  void FindRoutes(const SeriesBatch& batch, StagedRequest& staged) ABSL_SHARED_LOCKS_REQUIRED(mu_);
  absl::StatusOr<std::vector<Learned>> ExamineUnknown(SeriesBatch& batch,
                                                      const StagedRequest& staged)
      ABSL_SHARED_LOCKS_REQUIRED(mu_);
  absl::StatusOr<Learned> Examine(SeriesBatch& batch, size_t i) ABSL_SHARED_LOCKS_REQUIRED(mu_);
  void Learn(const SeriesBatch& batch, std::span<const Learned> learned, StagedRequest& staged)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void BeginLogEpoch(TimestampMs keep_until_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  absl::Status StageAll(SeriesBatch& batch, TimestampMs now_ms, StagedRequest& staged)
      ABSL_SHARED_LOCKS_REQUIRED(mu_);
  absl::Status Log(SeriesBatch& batch, size_t i, SeriesIndex index, StagedRequest& staged)
      ABSL_SHARED_LOCKS_REQUIRED(mu_);
  void StageIgnored(SeriesIndex route, int64_t samples, StagedRequest& staged);
  void Stage(SeriesIndex index, std::span<const Sample> samples, TimestampMs now_ms,
             StagedRequest& staged) ABSL_SHARED_LOCKS_REQUIRED(mu_);
  SampleEffect EffectOnRules(const Series& series, TimestampMs sample_ms, StagedRequest& staged)
      ABSL_SHARED_LOCKS_REQUIRED(mu_);
  void Saw(Origin origin, StagedRequest& staged) ABSL_SHARED_LOCKS_REQUIRED(mu_);
  absl::Status Append(StagedRequest& staged) ABSL_SHARED_LOCKS_REQUIRED(mu_);
  void Take(StagedRequest& staged, TimestampMs now_ms) ABSL_SHARED_LOCKS_REQUIRED(mu_);
  void MarkLate(const Series& series, TimestampMs sample_ms, TimestampMs now_ms)
      ABSL_SHARED_LOCKS_REQUIRED(mu_);

  std::optional<ClosedStep> CloseNext(size_t rule_index, TimestampMs now_ms)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(closing_mu_) ABSL_LOCKS_EXCLUDED(mu_);
  void EvaluateMembers(RuleState& rule, TimestampMs t_ms, std::span<const Member> members,
                       std::span<GroupAccumulator> accumulators) ABSL_SHARED_LOCKS_REQUIRED(mu_);
  void Housekeep(TimestampMs now_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(closing_mu_)
      ABSL_LOCKS_EXCLUDED(mu_);
  void LogRefusals() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  RuleState* Find(std::string_view name) const ABSL_SHARED_LOCKS_REQUIRED(mu_);

  std::unique_ptr<StagedRequest> TakeStaged() ABSL_LOCKS_EXCLUDED(idle_mu_);
  void GiveBack(std::unique_ptr<StagedRequest> staged) ABSL_LOCKS_EXCLUDED(idle_mu_);

  const AggregatorOptions options_;
  const Clock& clock_;
  const AppendRecord append_;
  const Logger logger_;
  prometheus::Registry& registry_;
  AggregateMetrics metrics_;

  // Held while steps are closed or rules change, so that between two holds of mu_ neither rules nor
  // members disappear. Taken before mu_.
  absl::Mutex closing_mu_;
  TimestampMs generation_ms_ ABSL_GUARDED_BY(closing_mu_) = 0;
  TimestampMs refusals_logged_ms_ ABSL_GUARDED_BY(closing_mu_) = 0;

  // Requests hold it shared from the first look at a series to the last sample taken, so that for
  // them no step closes, no series goes, and the log's epoch stays. What is new or changes those is
  // done while it is held alone. A series' buffer is under the lock of its stripe as well.
  mutable absl::Mutex mu_;
  PromqlDialect dialect_ ABSL_GUARDED_BY(mu_) = PromqlDialect::kV3;
  std::vector<std::unique_ptr<RuleState>> rules_ ABSL_GUARDED_BY(mu_);
  uint64_t version_ ABSL_GUARDED_BY(mu_) = 0;  // rules, or series that are gone
  SeriesTable table_ ABSL_GUARDED_BY(mu_);
  uint32_t log_epoch_ ABSL_GUARDED_BY(mu_) = 1;
  TimestampMs log_epoch_end_ms_ ABSL_GUARDED_BY(mu_) = 0;
  // What the numbers in replayed records mean.
  absl::flat_hash_map<uint32_t, SeriesIndex> replayed_ ABSL_GUARDED_BY(mu_);
  Stripes stripes_;
  std::atomic<size_t> buffered_ = 0;
  std::atomic<uint64_t> refused_to_log_ = 0;

  absl::Mutex idle_mu_;
  // Not more than requests have ever run at once.
  std::vector<std::unique_ptr<StagedRequest>> idle_ ABSL_GUARDED_BY(idle_mu_);
};

}  // namespace auspex
