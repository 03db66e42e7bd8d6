#include "sidecar/aggregate/aggregator.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "sidecar/aggregate/aggregator_impl.h"
#include "sidecar/aggregate/over_time.h"

namespace auspex {
namespace {

// Members evaluated under one hold of the lock: well under a millisecond.
constexpr size_t kMembersPerHold = 1024;
constexpr DurationMs kRefusalLogInterval = kMinute;

}  // namespace

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
  for (size_t i = 0; i < rules_.size(); ++i) rules_[i]->position = i;
  table_.SetRules(rules_);
  ++version_;
  buffered_ = table_.CountSamples();
}

void Aggregator::Impl::SetDialect(PromqlDialect dialect) {
  absl::MutexLock lock(&mu_);
  dialect_ = dialect;
}

void Aggregator::Impl::Resume(std::string_view rule, TimestampMs last_closed_ms) {
  absl::MutexLock lock(&mu_);
  if (RuleState* state = Find(rule)) state->progress.Resume(last_closed_ms);
}

std::vector<ClosedStep> Aggregator::Impl::CloseDue(TimestampMs now_ms) {
  absl::MutexLock closing(&closing_mu_);
  const size_t rule_count = [&] {
    absl::ReaderMutexLock lock(&mu_);
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
    absl::ReaderMutexLock lock(&mu_);
    const size_t count = std::min(kMembersPerHold, member_count - done);
    EvaluateMembers(*rule, step.t_ms, std::span(rule->members).subspan(done, count), accumulators);
  }
  absl::ReaderMutexLock lock(&mu_);
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
  size_t trimmed = 0;
  StripeHold stripe(stripes_);
  for (const Member& member : members) {
    stripe.Hold(member.series);
    Series& series = table_.at(member.series);
    const std::optional<double> value = EvaluateOverTime(
        rule.rule.over_time, series.buffer.samples(), t_ms, rule.rule.step_ms, dialect_);
    if (value) accumulators[member.aggregate].Add(rule.rule.aggregate, *value);
    trimmed += SeriesTable::Trim(series);
  }
  buffered_ -= trimmed;
}

void Aggregator::Impl::Housekeep(TimestampMs now_ms) {
  absl::MutexLock lock(&mu_);
  if (now_ms - generation_ms_ >= options_.generation_ms) {
    generation_ms_ = now_ms;
    table_.NextGeneration();
    ++version_;
    replayed_ = {};
  }
  if (now_ms - refusals_logged_ms_ >= kRefusalLogInterval) {
    refusals_logged_ms_ = now_ms;
    LogRefusals();
  }
  metrics_.series.Set(static_cast<double>(table_.size()));
  metrics_.buffered_samples.Set(static_cast<double>(buffered_.load()));
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
  const uint64_t refused = refused_to_log_.exchange(0);
  if (refused == 0) return;
  logger_.Warn(
      "samples of wanted series refused",
      {{"samples", refused}, {"series", table_.size()}, {"series_max", options_.series_max}});
}

std::vector<StepsToRepair> Aggregator::Impl::TakeDirty() {
  absl::ReaderMutexLock lock(&mu_);
  std::vector<StepsToRepair> repairs;
  for (const auto& rule : rules_) {
    absl::MutexLock rule_lock(&rule->mu);
    for (const StepSpan& steps : rule->dirty.Take()) {
      repairs.push_back({.rule = rule->rule.name, .steps = steps});
    }
  }
  return repairs;
}

void Aggregator::Impl::MarkDirty(const StepsToRepair& repair) {
  absl::ReaderMutexLock lock(&mu_);
  if (RuleState* rule = Find(repair.rule)) {
    absl::MutexLock rule_lock(&rule->mu);
    rule->dirty.Add(repair.steps);
  }
}

TimestampMs Aggregator::Impl::PendingTrimTime() const {
  absl::ReaderMutexLock lock(&mu_);
  TimestampMs keep_from_ms = std::numeric_limits<TimestampMs>::max();
  for (const auto& rule : rules_) {
    absl::MutexLock rule_lock(&rule->mu);
    keep_from_ms = std::min(keep_from_ms, rule->progress.keep_from_ms());
  }
  return keep_from_ms;
}

RuleState* Aggregator::Impl::Find(std::string_view name) const {
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
absl::Status Aggregator::Write(SeriesBatch& batch, IngestOutcome* outcome) {
  return impl_->Write(batch, outcome);
}
std::vector<ClosedStep> Aggregator::CloseDue(TimestampMs now_ms) { return impl_->CloseDue(now_ms); }
std::vector<StepsToRepair> Aggregator::TakeDirty() { return impl_->TakeDirty(); }
void Aggregator::MarkDirty(const StepsToRepair& repair) { impl_->MarkDirty(repair); }
TimestampMs Aggregator::PendingTrimTime() const { return impl_->PendingTrimTime(); }

}  // namespace auspex
