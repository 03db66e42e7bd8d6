#include <algorithm>
#include <atomic>
#include <string>
#include <utility>

#include "sidecar/aggregate/aggregator_impl.h"

namespace auspex {
namespace {

// How long, in sample time, the log may refer to what it said of a series before saying it again.
constexpr DurationMs kLogEpoch = 20 * kMinute;
// Buffers that a larger request has left are freed rather than kept.
constexpr size_t kSamplesKept = 100'000;
// Series whose route is fetched before it is needed.
constexpr size_t kLookAhead = 12;

void AddTo(const IngestOutcome& part, IngestOutcome& total) {
  total.accepted += part.accepted;
  total.ignored += part.ignored;
  total.own_output += part.own_output;
  total.too_old += part.too_old;
  total.out_of_bounds += part.out_of_bounds;
  total.duplicate += part.duplicate;
}

}  // namespace

absl::Status Aggregator::Impl::Replay(std::string_view record) {
  absl::MutexLock lock(&mu_);
  const TimestampMs now_ms = clock_.NowMs();
  StagedRequest staged;
  staged.Begin(rules_.size());
  PendingRecordVisitor visitor;
  visitor.on_mark = [&](const RuleMark& mark) {
    mu_.AssertHeld();
    const auto rule =
        std::ranges::find_if(rules_, [&](const auto& r) { return r->id == mark.rule; });
    if (rule != rules_.end()) (*rule)->progress.Restore(mark.progress);
  };
  visitor.on_definition = [&](uint32_t number, std::span<const LabelView> labels) {
    mu_.AssertHeld();
    replayed_[number] = table_.Resolve(table_.Examine(labels));
  };
  uint64_t undefined = 0;
  visitor.on_samples = [&](uint32_t number, std::span<const Sample> samples) {
    mu_.AssertHeld();
    const auto series = replayed_.find(number);
    if (series == replayed_.end()) {
      undefined += samples.size();
    } else if (IsSeries(series->second)) {
      Stage(series->second, samples, now_ms, staged);
    }
  };
  absl::Status status = ReadPendingRecord(record, visitor);
  Saw(Origin::kPendingLog, staged);
  Take(staged, now_ms);
  metrics_.replayed_samples.Increment(static_cast<double>(staged.outcome.accepted));
  if (undefined > 0) logger_.Error("samples of unknown series in the log", {{"count", undefined}});
  return status;
}

absl::Status Aggregator::Impl::Write(SeriesBatch& batch, IngestOutcome* outcome) {
  if (const size_t buffered = buffered_; buffered >= options_.samples_max) {
    metrics_.refused_requests.Increment();
    return absl::ResourceExhaustedError("aggregator: " + std::to_string(buffered) +
                                        " samples are buffered, the limit is " +
                                        std::to_string(options_.samples_max));
  }
  std::unique_ptr<StagedRequest> staged = TakeStaged();
  absl::Status status = WriteStaged(batch, *staged);
  if (status.ok()) AddTo(staged->outcome, *outcome);
  GiveBack(std::move(staged));
  return status;
}

absl::Status Aggregator::Impl::WriteStaged(SeriesBatch& batch, StagedRequest& staged) {
  const TimestampMs now_ms = clock_.NowMs();
  std::optional<uint64_t> version;  // at which the routes were found
  while (true) {
    std::vector<Learned> learned;
    {
      absl::ReaderMutexLock lock(&mu_);
      if (version != version_) FindRoutes(batch, staged);
      version = version_;
      auto unknown = ExamineUnknown(batch, staged);
      if (!unknown.ok()) return unknown.status();
      learned = *std::move(unknown);
      if (learned.empty()) {
        if (absl::Status status = StageAll(batch, now_ms, staged); !status.ok()) return status;
        if (staged.record.empty() || staged.keep_until_ms <= log_epoch_end_ms_) {
          Saw(Origin::kSender, staged);
          if (absl::Status status = Append(staged); !status.ok()) return status;
          Take(staged, now_ms);
          return absl::OkStatus();
        }
      }
    }
    absl::MutexLock lock(&mu_);
    if (version == version_) Learn(batch, learned, staged);
    if (learned.empty()) BeginLogEpoch(staged.keep_until_ms);
  }
}

void Aggregator::Impl::FindRoutes(const SeriesBatch& batch, StagedRequest& staged) {
  const std::span<const KeyedSeries> series = batch.series();
  staged.routes.resize(series.size());
  for (size_t i = 0; i < series.size(); ++i) {
    if (i + kLookAhead < series.size()) table_.Prefetch(series[i + kLookAhead].key);
    staged.routes[i] = series[i].sample_count == 0 ? kNotTaken : table_.Find(series[i].key);
  }
}

absl::StatusOr<std::vector<Aggregator::Impl::Learned>> Aggregator::Impl::ExamineUnknown(
    SeriesBatch& batch, const StagedRequest& staged) {
  std::vector<Learned> learned;
  for (size_t i = 0; i < staged.routes.size(); ++i) {
    if (staged.routes[i] != kUnknown) continue;
    auto series = Examine(batch, i);
    if (!series.ok()) return series.status();
    learned.push_back(*std::move(series));
  }
  return learned;
}

absl::StatusOr<Aggregator::Impl::Learned> Aggregator::Impl::Examine(SeriesBatch& batch, size_t i) {
  const absl::StatusOr<SeriesLabels> labels = batch.ReadLabels(i);
  if (!labels.ok()) return labels.status();
  Learned learned{.position = i};
  switch (labels->use) {
    case SeriesLabels::Use::kBad:
      learned.answer = kNotTaken;
      break;
    case SeriesLabels::Use::kOwnOutput:
      learned.answer = kOwnOutput;
      break;
    case SeriesLabels::Use::kTake:
      learned.answer = table_.Find(batch.series()[i].key);  // the key may be another one now
      if (learned.answer == kUnknown) learned.candidate = table_.Examine(labels->labels);
      break;
  }
  return learned;
}

void Aggregator::Impl::Learn(const SeriesBatch& batch, std::span<const Learned> learned,
                             StagedRequest& staged) {
  for (const Learned& series : learned) {
    const SeriesHash& key = batch.series()[series.position].key;
    SeriesIndex& route = staged.routes[series.position];
    route = series.answer;
    if (route == kUnknown) route = table_.Learn(key, series.candidate);
    if (route == kOwnOutput) table_.Learn(key, kOwnOutput);
  }
}

void Aggregator::Impl::BeginLogEpoch(TimestampMs keep_until_ms) {
  if (keep_until_ms <= log_epoch_end_ms_) return;
  ++log_epoch_;
  log_epoch_end_ms_ = keep_until_ms + kLogEpoch;
}

absl::Status Aggregator::Impl::StageAll(SeriesBatch& batch, TimestampMs now_ms,
                                        StagedRequest& staged) {
  staged.Begin(rules_.size());
  for (size_t i = 0; i < staged.routes.size(); ++i) {
    const SeriesIndex route = staged.routes[i];
    const KeyedSeries& series = batch.series()[i];
    if (!IsSeries(route)) {
      StageIgnored(route, series.sample_count, staged);
      continue;
    }
    Stage(route, batch.samples().subspan(series.first_sample, series.sample_count), now_ms, staged);
    if (staged.of_series.empty()) continue;
    if (absl::Status status = Log(batch, i, route, staged); !status.ok()) return status;
  }
  return absl::OkStatus();
}

void Aggregator::Impl::StageIgnored(SeriesIndex route, int64_t samples, StagedRequest& staged) {
  if (route == kOwnOutput) {
    staged.outcome.own_output += samples;
  } else {
    staged.outcome.ignored += samples;
  }
  if (route == kRefused) staged.refused += static_cast<uint64_t>(samples);
}

void Aggregator::Impl::Stage(SeriesIndex index, std::span<const Sample> samples, TimestampMs now_ms,
                             StagedRequest& staged) {
  Series& series = table_.at(index);
  if (!series.used.load(std::memory_order_relaxed)) series.used = true;
  staged.of_series.clear();
  for (const Sample& sample : samples) {
    if (sample.timestamp_ms <= 0 || sample.timestamp_ms > now_ms + options_.future_max_ms) {
      ++staged.outcome.out_of_bounds;
      continue;
    }
    const SampleEffect effect = EffectOnRules(series, sample.timestamp_ms, staged);
    if (!effect.needed && !effect.late) {
      ++staged.outcome.accepted;  // no step of any rule looks at it
      continue;
    }
    staged.samples.push_back({.series = index,
                              .needed = effect.needed,
                              .late = effect.late.has_value(),
                              .sample = sample});
    staged.of_series.push_back(sample);
  }
}

// The effect on all rules of the series together: needed and late when so for one.
SampleEffect Aggregator::Impl::EffectOnRules(const Series& series, TimestampMs sample_ms,
                                             StagedRequest& staged) {
  SampleEffect all;
  staged.keep_until_ms = std::max(staged.keep_until_ms, sample_ms);
  for (const Membership& membership : series.memberships) {
    const RuleProgress& progress = membership.rule->progress;
    staged.shares[membership.rule->position].Add(*membership.rule, sample_ms);
    if (progress.OnlyNeeds(sample_ms)) {
      all.needed = true;
      continue;
    }
    const SampleEffect effect = progress.EffectOf(sample_ms, dialect_);
    all.needed |= effect.needed;
    if (effect.late) {
      all.late = effect.late;
      // The record is the only memory of the repair: it stays until the next step has closed.
      staged.keep_until_ms = std::max(staged.keep_until_ms, progress.next_ms());
    }
  }
  return all;
}

// Puts the samples of the series at hand into the record, after its labels if the log does not have
// those yet.
absl::Status Aggregator::Impl::Log(SeriesBatch& batch, size_t i, SeriesIndex index,
                                   StagedRequest& staged) {
  if (table_.at(index).logged_epoch.load(std::memory_order_relaxed) != log_epoch_) {
    const absl::StatusOr<SeriesLabels> labels = batch.ReadLabels(i);
    if (!labels.ok()) return labels.status();
    staged.record.Define(index, labels->labels);
    staged.defined.push_back(index);
  }
  staged.record.AddSamples(index, staged.of_series);
  return absl::OkStatus();
}

// Tells the rules what was sent, and takes down where they stand.
void Aggregator::Impl::Saw(Origin origin, StagedRequest& staged) {
  staged.marks.clear();
  for (const RuleShare& share : staged.shares) {
    if (share.rule == nullptr) continue;
    absl::MutexLock lock(&share.rule->mu);
    RuleProgress& progress = share.rule->progress;
    for (const TimestampMs sample_ms : {share.oldest_ms, share.newest_ms}) {
      if (origin == Origin::kSender) {
        progress.Saw(sample_ms);
      } else {
        progress.SawReplayed(sample_ms);
      }
    }
    staged.marks.push_back({.rule = share.rule->id, .progress = progress.mark()});
  }
}

absl::Status Aggregator::Impl::Append(StagedRequest& staged) {
  if (staged.record.empty()) return absl::OkStatus();
  // Until the epoch ends, any record may refer to the labels in this one.
  const TimestampMs keep_until_ms =
      staged.defined.empty() ? staged.keep_until_ms : log_epoch_end_ms_;
  absl::Status status = append_(staged.record.Finish(staged.marks), keep_until_ms);
  if (!status.ok()) return status;
  for (const SeriesIndex index : staged.defined) table_.at(index).logged_epoch = log_epoch_;
  return absl::OkStatus();
}

void Aggregator::Impl::Take(StagedRequest& staged, TimestampMs now_ms) {
  size_t inserted = 0;
  StripeHold stripe(stripes_);
  for (const StagedSample& s : staged.samples) {
    Series& series = table_.at(s.series);
    if (s.needed) {
      stripe.Hold(s.series);
      if (!series.buffer.Insert(s.sample)) {
        ++staged.outcome.duplicate;
        continue;
      }
      ++inserted;
      ++staged.outcome.accepted;
    } else {
      ++staged.outcome.too_old;
    }
    if (s.late) MarkLate(series, s.sample.timestamp_ms, now_ms);
  }
  buffered_ += inserted;
  if (staged.refused == 0) return;
  refused_to_log_ += staged.refused;
  metrics_.refused_samples.Increment(static_cast<double>(staged.refused));
}

void Aggregator::Impl::MarkLate(const Series& series, TimestampMs sample_ms, TimestampMs now_ms) {
  for (const Membership& membership : series.memberships) {
    RuleState& rule = *membership.rule;
    const SampleEffect effect = rule.progress.EffectOf(sample_ms, dialect_);
    if (!effect.late) continue;
    rule.metrics.late_samples->Increment();
    if (effect.late->last_ms < now_ms - options_.repair_age_max_ms) continue;
    absl::MutexLock lock(&rule.mu);
    rule.dirty.Add(*effect.late);
  }
}

std::unique_ptr<StagedRequest> Aggregator::Impl::TakeStaged() {
  absl::MutexLock lock(&idle_mu_);
  if (idle_.empty()) return std::make_unique<StagedRequest>();
  std::unique_ptr<StagedRequest> staged = std::move(idle_.back());
  idle_.pop_back();
  return staged;
}

void Aggregator::Impl::GiveBack(std::unique_ptr<StagedRequest> staged) {
  if (staged->samples.capacity() > kSamplesKept) return;
  absl::MutexLock lock(&idle_mu_);
  idle_.push_back(std::move(staged));
}

}  // namespace auspex
