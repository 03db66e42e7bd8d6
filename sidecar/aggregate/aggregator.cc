#include "sidecar/aggregate/aggregator.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "sidecar/aggregate/aggregate_metrics.h"
#include "sidecar/aggregate/group_accumulator.h"
#include "sidecar/aggregate/over_time.h"
#include "sidecar/aggregate/pending_record.h"
#include "sidecar/aggregate/rule_state.h"
#include "sidecar/aggregate/series_table.h"

namespace auspex {
namespace {

// Members evaluated under one hold of the lock: well under a millisecond.
constexpr size_t kMembersPerHold = 1024;
constexpr DurationMs kRefusalLogInterval = kMinute;

// A sample of a request that some rule has a use for.
struct StagedSample {
  SeriesIndex series = 0;
  Sample sample;
  bool needed = false;  // by an open step; else it is only late
};

// A request between its check and its taking.
struct Staged {
  std::vector<StagedSample> samples;
  std::vector<Sample> of_series;  // those of the series at hand
  std::vector<RuleState*> rules;  // with a sample in it
  PendingRecordWriter record;
  TimestampMs keep_until_ms = 0;  // what the record must outlive
  IngestOutcome outcome;
};

void AddUnique(RuleState* rule, std::vector<RuleState*>& rules) {
  if (std::ranges::find(rules, rule) == rules.end()) rules.push_back(rule);
}

void AddTo(const IngestOutcome& part, IngestOutcome& total) {
  total.accepted += part.accepted;
  total.ignored += part.ignored;
  total.too_old += part.too_old;
  total.out_of_bounds += part.out_of_bounds;
  total.duplicate += part.duplicate;
}

}  // namespace

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
  absl::Status Write(std::span<const SeriesView> series, IngestOutcome* outcome)
      ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<ClosedStep> CloseDue(TimestampMs now_ms) ABSL_LOCKS_EXCLUDED(closing_mu_, mu_);
  std::vector<StepsToRepair> TakeDirty() ABSL_LOCKS_EXCLUDED(mu_);
  void MarkDirty(const StepsToRepair& repair) ABSL_LOCKS_EXCLUDED(mu_);
  TimestampMs PendingTrimTime() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // Where samples come from: the log knows of them already, and no sender is behind them.
  enum class Origin { kSender, kPendingLog };

  void Stage(const SeriesView& view, Origin origin, TimestampMs now_ms, Staged& staged)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  SampleEffect EffectOnRules(const Series& series, TimestampMs sample_ms, Origin origin,
                             Staged& staged) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Take(Staged& staged, TimestampMs now_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void MarkLate(const Series& series, TimestampMs sample_ms, TimestampMs now_ms)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  std::optional<ClosedStep> CloseNext(size_t rule_index, TimestampMs now_ms)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(closing_mu_) ABSL_LOCKS_EXCLUDED(mu_);
  void EvaluateMembers(RuleState& rule, TimestampMs t_ms, std::span<const Member> members,
                       std::span<GroupAccumulator> accumulators) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Housekeep(TimestampMs now_ms) ABSL_EXCLUSIVE_LOCKS_REQUIRED(closing_mu_)
      ABSL_LOCKS_EXCLUDED(mu_);
  void LogRefusals() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  RuleState* Find(std::string_view name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

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

  mutable absl::Mutex mu_;
  PromqlDialect dialect_ ABSL_GUARDED_BY(mu_) = PromqlDialect::kV3;
  std::vector<std::unique_ptr<RuleState>> rules_ ABSL_GUARDED_BY(mu_);
  SeriesTable table_ ABSL_GUARDED_BY(mu_);
  size_t buffered_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t refused_to_log_ ABSL_GUARDED_BY(mu_) = 0;
};

void Aggregator::Impl::SetRules(std::vector<AggregatorRule> rules) {
  absl::MutexLock closing(&closing_mu_);
  absl::MutexLock lock(&mu_);
  // Position i holds rule i's state when it stays, else null.
  std::vector<std::unique_ptr<RuleState>> states(rules.size());
  for (size_t i = 0; i < rules.size(); ++i) {
    const uint64_t id = RuleState::IdOf(rules[i].rule);
    const auto old = std::ranges::find_if(
        rules_, [&](const auto& rule) { return rule != nullptr && rule->id == id; });
    if (old != rules_.end()) states[i] = std::move(*old);
  }
  // Series leave the other rules before those go, and those go, with their metrics, before a rule
  // of the same name comes.
  table_.SetRules(states);
  rules_.clear();
  for (size_t i = 0; i < rules.size(); ++i) {
    if (states[i] == nullptr) {
      states[i] = std::make_unique<RuleState>(std::move(rules[i].rule), clock_.NowMs(), registry_);
    }
    states[i]->aggregates_max = rules[i].aggregates_max;
  }
  rules_ = std::move(states);
  table_.SetRules(rules_);
  buffered_ = table_.CountSamples();
}

void Aggregator::Impl::SetDialect(PromqlDialect dialect) {
  absl::MutexLock lock(&mu_);
  dialect_ = dialect;
}

absl::Status Aggregator::Impl::Replay(std::string_view record) {
  absl::MutexLock lock(&mu_);
  const TimestampMs now_ms = clock_.NowMs();
  Staged staged;
  const absl::Status status = ReadPendingRecord(
      record,
      [&](const RuleMark& mark) {
        mu_.AssertHeld();
        const auto rule =
            std::ranges::find_if(rules_, [&](const auto& r) { return r->id == mark.rule; });
        if (rule != rules_.end()) (*rule)->progress.Restore(mark.progress);
      },
      [&](const SeriesView& view) {
        mu_.AssertHeld();
        Stage(view, Origin::kPendingLog, now_ms, staged);
      });
  Take(staged, now_ms);
  metrics_.replayed_samples.Increment(static_cast<double>(staged.outcome.accepted));
  return status;
}

void Aggregator::Impl::Resume(std::string_view rule, TimestampMs last_closed_ms) {
  absl::MutexLock lock(&mu_);
  if (RuleState* state = Find(rule)) state->progress.Resume(last_closed_ms);
}

absl::Status Aggregator::Impl::Write(std::span<const SeriesView> series, IngestOutcome* outcome) {
  const TimestampMs now_ms = clock_.NowMs();
  absl::MutexLock lock(&mu_);
  if (buffered_ >= options_.samples_max) {
    metrics_.refused_requests.Increment();
    return absl::ResourceExhaustedError("aggregator: " + std::to_string(buffered_) +
                                        " samples are buffered, the limit is " +
                                        std::to_string(options_.samples_max));
  }
  Staged staged;
  for (const SeriesView& view : series) Stage(view, Origin::kSender, now_ms, staged);
  if (!staged.record.empty()) {
    std::vector<RuleMark> marks;
    for (const RuleState* rule : staged.rules) {
      marks.push_back({.rule = rule->id, .progress = rule->progress.mark()});
    }
    const absl::Status status = append_(staged.record.Finish(marks), staged.keep_until_ms);
    if (!status.ok()) return status;
  }
  Take(staged, now_ms);
  AddTo(staged.outcome, *outcome);
  return absl::OkStatus();
}

void Aggregator::Impl::Stage(const SeriesView& view, Origin origin, TimestampMs now_ms,
                             Staged& staged) {
  const SeriesIndex index = table_.Route(view.labels);
  if (index >= kRefused) {
    staged.outcome.ignored += static_cast<int64_t>(view.samples.size());
    if (index == kRefused) {
      refused_to_log_ += view.samples.size();
      metrics_.refused_samples.Increment(static_cast<double>(view.samples.size()));
    }
    return;
  }
  staged.of_series.clear();
  for (const Sample& sample : view.samples) {
    if (sample.timestamp_ms <= 0 || sample.timestamp_ms > now_ms + options_.future_max_ms) {
      ++staged.outcome.out_of_bounds;
      continue;
    }
    const SampleEffect effect =
        EffectOnRules(table_.at(index), sample.timestamp_ms, origin, staged);
    if (!effect.needed && !effect.late) {
      ++staged.outcome.accepted;  // no step of any rule looks at it
      continue;
    }
    staged.samples.push_back({.series = index, .sample = sample, .needed = effect.needed});
    staged.of_series.push_back(sample);
  }
  if (origin == Origin::kSender && !staged.of_series.empty()) {
    staged.record.AddSeries(view.labels, staged.of_series);
  }
}

// The effect on all rules of the series together: needed and late when so for one.
SampleEffect Aggregator::Impl::EffectOnRules(const Series& series, TimestampMs sample_ms,
                                             Origin origin, Staged& staged) {
  SampleEffect all;
  for (const Membership& membership : series.memberships) {
    RuleProgress& progress = membership.rule->progress;
    if (origin == Origin::kSender) {
      progress.Saw(sample_ms);
    } else {
      progress.SawReplayed(sample_ms);
    }
    AddUnique(membership.rule, staged.rules);
    const SampleEffect effect = progress.EffectOf(sample_ms, dialect_);
    all.needed |= effect.needed;
    staged.keep_until_ms = std::max(staged.keep_until_ms, sample_ms);
    if (effect.late) {
      all.late = effect.late;
      // The record is the only memory of the repair: it stays until the next step has closed.
      staged.keep_until_ms = std::max(staged.keep_until_ms, progress.mark().next_ms);
    }
  }
  return all;
}

void Aggregator::Impl::Take(Staged& staged, TimestampMs now_ms) {
  for (const StagedSample& s : staged.samples) {
    Series& series = table_.at(s.series);
    if (s.needed && !series.buffer.Insert(s.sample)) {
      ++staged.outcome.duplicate;
      continue;
    }
    MarkLate(series, s.sample.timestamp_ms, now_ms);
    if (s.needed) {
      ++buffered_;
      ++staged.outcome.accepted;
    } else {
      ++staged.outcome.too_old;
    }
  }
}

void Aggregator::Impl::MarkLate(const Series& series, TimestampMs sample_ms, TimestampMs now_ms) {
  for (const Membership& membership : series.memberships) {
    const SampleEffect effect = membership.rule->progress.EffectOf(sample_ms, dialect_);
    if (!effect.late) continue;
    membership.rule->metrics.late_samples->Increment();
    if (effect.late->last_ms < now_ms - options_.repair_age_max_ms) continue;
    membership.rule->dirty.Add(*effect.late);
  }
}

std::vector<ClosedStep> Aggregator::Impl::CloseDue(TimestampMs now_ms) {
  absl::MutexLock closing(&closing_mu_);
  const size_t rule_count = [&] {
    absl::MutexLock lock(&mu_);
    return rules_.size();
  }();
  std::vector<ClosedStep> closed;
  for (size_t i = 0; i < rule_count; ++i) {
    while (std::optional<ClosedStep> step = CloseNext(i, now_ms)) {
      closed.push_back(*std::move(step));
    }
  }
  Housekeep(now_ms);
  return closed;
}

std::optional<ClosedStep> Aggregator::Impl::CloseNext(size_t rule_index, TimestampMs now_ms) {
  ClosedStep step;
  RuleState* rule = nullptr;
  std::vector<GroupAccumulator> accumulators;
  size_t member_count = 0;
  {
    absl::MutexLock lock(&mu_);
    rule = rules_[rule_index].get();
    const std::optional<TimestampMs> due_ms = rule->progress.NextDue(now_ms, options_.progress);
    if (!due_ms) return std::nullopt;
    // From here on a sample of this step is late; so are the members that join meanwhile.
    rule->progress.Close(*due_ms);
    step = {.rule = rule->rule.name, .t_ms = *due_ms};
    accumulators.resize(rule->aggregates.positions());
    member_count = rule->members.size();
  }
  for (size_t done = 0; done < member_count; done += kMembersPerHold) {
    absl::MutexLock lock(&mu_);
    const size_t count = std::min(kMembersPerHold, member_count - done);
    EvaluateMembers(*rule, step.t_ms, std::span(rule->members).subspan(done, count), accumulators);
  }
  absl::MutexLock lock(&mu_);
  for (uint32_t i = 0; i < accumulators.size(); ++i) {
    const double value = accumulators[i].Value(rule->rule.aggregate);
    if (!IsMissing(value)) step.values.emplace_back(rule->aggregates.labels(i), value);
  }
  rule->metrics.closed_steps->Increment();
  rule->metrics.watermark_lag_seconds->Set(static_cast<double>(now_ms - step.t_ms) / kSecond);
  return step;
}

void Aggregator::Impl::EvaluateMembers(RuleState& rule, TimestampMs t_ms,
                                       std::span<const Member> members,
                                       std::span<GroupAccumulator> accumulators) {
  for (const Member& member : members) {
    Series& series = table_.at(member.series);
    const std::optional<double> value = EvaluateOverTime(
        rule.rule.over_time, series.buffer.samples(), t_ms, rule.rule.step_ms, dialect_);
    if (value) accumulators[member.aggregate].Add(rule.rule.aggregate, *value);
    buffered_ -= SeriesTable::Trim(series);
  }
}

void Aggregator::Impl::Housekeep(TimestampMs now_ms) {
  absl::MutexLock lock(&mu_);
  if (now_ms - generation_ms_ >= options_.generation_ms) {
    generation_ms_ = now_ms;
    table_.NextGeneration();
  }
  if (now_ms - refusals_logged_ms_ >= kRefusalLogInterval) {
    refusals_logged_ms_ = now_ms;
    LogRefusals();
  }
  metrics_.series.Set(static_cast<double>(table_.size()));
  metrics_.buffered_samples.Set(static_cast<double>(buffered_));
  metrics_.router_entries.Set(static_cast<double>(table_.router_entries()));
  for (const auto& rule : rules_) {
    rule->metrics.aggregates->Set(static_cast<double>(rule->aggregates.size()));
  }
}

void Aggregator::Impl::LogRefusals() {
  for (const auto& rule : rules_) {
    const uint64_t refusals = std::exchange(rule->refusals_to_log, 0);
    if (refusals == 0) continue;
    logger_.Warn("series of further aggregates refused: the rule's aggregates_max is reached",
                 {{"rule", rule->rule.name},
                  {"aggregates_max", rule->aggregates_max},
                  {"series", refusals}});
  }
  const uint64_t refused = std::exchange(refused_to_log_, 0);
  if (refused == 0) return;
  logger_.Warn(
      "samples of wanted series refused",
      {{"samples", refused}, {"series", table_.size()}, {"series_max", options_.series_max}});
}

std::vector<StepsToRepair> Aggregator::Impl::TakeDirty() {
  absl::MutexLock lock(&mu_);
  std::vector<StepsToRepair> repairs;
  for (const auto& rule : rules_) {
    for (const StepSpan& steps : rule->dirty.Take()) {
      repairs.push_back({.rule = rule->rule.name, .steps = steps});
    }
  }
  return repairs;
}

void Aggregator::Impl::MarkDirty(const StepsToRepair& repair) {
  absl::MutexLock lock(&mu_);
  if (RuleState* rule = Find(repair.rule)) rule->dirty.Add(repair.steps);
}

TimestampMs Aggregator::Impl::PendingTrimTime() const {
  absl::MutexLock lock(&mu_);
  TimestampMs keep_from_ms = std::numeric_limits<TimestampMs>::max();
  for (const auto& rule : rules_) {
    keep_from_ms = std::min(keep_from_ms, rule->progress.keep_from_ms());
  }
  return keep_from_ms;
}

RuleState* Aggregator::Impl::Find(std::string_view name) {
  const auto rule =
      std::ranges::find_if(rules_, [&](const auto& r) { return r->rule.name == name; });
  return rule == rules_.end() ? nullptr : rule->get();
}

Aggregator::Aggregator(AggregatorOptions options, const Clock& clock, AppendRecord append,
                       Logger logger, prometheus::Registry& registry)
    : impl_(
          std::make_unique<Impl>(options, clock, std::move(append), std::move(logger), registry)) {}
Aggregator::~Aggregator() = default;

void Aggregator::SetRules(std::vector<AggregatorRule> rules) { impl_->SetRules(std::move(rules)); }
void Aggregator::SetDialect(PromqlDialect dialect) { impl_->SetDialect(dialect); }
absl::Status Aggregator::Replay(std::string_view record) { return impl_->Replay(record); }
void Aggregator::Resume(std::string_view rule, TimestampMs last_closed_ms) {
  impl_->Resume(rule, last_closed_ms);
}
absl::Status Aggregator::Write(std::span<const SeriesView> series, IngestOutcome* outcome) {
  return impl_->Write(series, outcome);
}
std::vector<ClosedStep> Aggregator::CloseDue(TimestampMs now_ms) { return impl_->CloseDue(now_ms); }
std::vector<StepsToRepair> Aggregator::TakeDirty() { return impl_->TakeDirty(); }
void Aggregator::MarkDirty(const StepsToRepair& repair) { impl_->MarkDirty(repair); }
TimestampMs Aggregator::PendingTrimTime() const { return impl_->PendingTrimTime(); }

}  // namespace auspex
