#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <utility>

#include "sidecar/history/block_codec.h"
#include "sidecar/history/history_impl.h"
#include "sidecar/history/keys.h"

namespace auspex {
namespace {

// A block stays open this many steps longer, so that steps that close late, or are repaired at
// once, do not cost a rewrite of every block.
constexpr DurationMs kSealDelaySteps = 4;

}  // namespace

absl::Status History::Maintain(TimestampMs now_ms) {
  absl::MutexLock lock(&impl_->mu);
  for (auto& [id, rule] : impl_->rules) {
    const DurationMs delay_ms = kSealDelaySteps * rule.rule.step_ms;
    absl::Status status = impl_->SealBefore(rule, rule.closed.Last() - delay_ms);
    if (status.ok()) status = impl_->DropExpired(rule, now_ms);
    if (!status.ok()) return status;
  }
  impl_->ShowMetrics();
  return absl::OkStatus();
}

absl::Status History::Impl::SealBefore(RuleHistory& rule, TimestampMs t_ms) {
  const TimestampMs end_ms = rule.BlockStart(t_ms);
  while (rule.sealed_ms < end_ms) {
    // With no value left there is nothing to write on the way: the rest is one move.
    const TimestampMs next_ms = rule.open.empty() ? end_ms : rule.sealed_ms + rule.block_ms;
    if (absl::Status status = SealTo(rule, next_ms); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status History::Impl::SealTo(RuleHistory& rule, TimestampMs sealed_ms) {
  rocksdb::WriteBatch batch;
  const TimestampMs start_ms = rule.sealed_ms;
  std::vector<double> values(rule.BlockSteps());
  int sealed = 0;
  for (const auto& [id, aggregate] : rule.aggregates) {
    for (size_t step = 0; step < values.size(); ++step) {
      values[step] = rule.open.Get(step, aggregate.place);
    }
    if (std::all_of(values.begin(), values.end(), IsMissing)) continue;
    (void)batch.Put(store.family(Store::Family::kBlocks), AggregateTimeKey(id, start_ms),
                    EncodeBlock(values));
    ++sealed;
  }
  (void)batch.DeleteRange(store.family(Store::Family::kSteps), RuleTimeKey(rule.id, start_ms),
                          RuleTimeKey(rule.id, sealed_ms));
  rule.sealed_ms = sealed_ms;
  PutRuleRow(rule, batch);
  if (absl::Status status = Commit(batch, "cannot seal a block"); !status.ok()) {
    rule.sealed_ms = start_ms;
    return status;
  }
  rule.open.Drop(values.size());
  metrics.blocks_sealed.Increment(sealed);
  return absl::OkStatus();
}

absl::Status History::Impl::DropExpired(RuleHistory& rule, TimestampMs now_ms) {
  // Whole blocks only. Every value lies in a closed step, so the oldest of those says where the
  // blocks begin.
  const TimestampMs keep_from_ms =
      std::min(rule.BlockStart(now_ms - rule.rule.retention_ms), rule.sealed_ms);
  const TimestampMs oldest_ms = rule.BlockStart(rule.closed.First());
  if (rule.closed.empty() || oldest_ms >= keep_from_ms) return absl::OkStatus();
  rocksdb::WriteBatch batch;
  std::vector<AggregateId> ended;
  for (auto& [id, aggregate] : rule.aggregates) {
    // One that was just added and has no value yet gets a full retention from here.
    if (aggregate.last_value_ms == 0) aggregate.last_value_ms = rule.closed.Last();
    DropBlocks(rule, id, {oldest_ms, keep_from_ms}, batch);
    if (aggregate.last_value_ms >= keep_from_ms) continue;
    catalog.DeleteAggregate(rule.id, id, batch);
    ended.push_back(id);
  }
  ClosedRanges closed_before = rule.closed;
  rule.closed.DropBefore(keep_from_ms);
  catalog.PutClosed(rule, batch);
  if (absl::Status status = Commit(batch, "cannot drop expired steps"); !status.ok()) {
    rule.closed = std::move(closed_before);
    return status;
  }
  for (const AggregateId id : ended) {
    rule.Remove(id);
    rule_of.erase(id);
  }
  return absl::OkStatus();
}

void History::Impl::DropBlocks(const RuleHistory& rule, AggregateId aggregate, StepRange starts,
                               rocksdb::WriteBatch& batch) {
  rocksdb::ColumnFamilyHandle* family = store.family(Store::Family::kBlocks);
  const std::string first = AggregateTimeKey(aggregate, starts.first_ms);
  // In steady state it is one block. A range deletion per aggregate and block would slow down every
  // later read.
  if (starts.last_ms - starts.first_ms == rule.block_ms) {
    (void)batch.Delete(family, first);
  } else {
    (void)batch.DeleteRange(family, first, AggregateTimeKey(aggregate, starts.last_ms));
  }
}

size_t History::Impl::MemoryBytes() const {
  size_t bytes = 0;
  for (const auto& [id, rule] : rules) {
    for (const auto& [aggregate_id, aggregate] : rule.aggregates) {
      for (const auto& [name, value] : aggregate.labels.labels()) {
        bytes += sizeof(LabelSet::Label) + name.capacity() + value.capacity();
      }
      bytes += sizeof(AggregateHistory) + aggregate.context.HeapBytes();
    }
    bytes += rule.open.HeapBytes();
  }
  return bytes;
}

size_t History::MemoryBytes() const {
  absl::ReaderMutexLock lock(&impl_->mu);
  return impl_->MemoryBytes();
}

void History::Impl::ShowMetrics() const {
  size_t aggregates = 0;
  for (const auto& [id, rule] : rules) {
    metrics.Show(rule.rule.name,
                 {rule.aggregates.size(), rule.closed.GapSteps(), rule.closed.Last()});
    aggregates += rule.aggregates.size();
  }
  const size_t bytes = MemoryBytes();
  metrics.memory_bytes.Set(static_cast<double>(bytes));
  metrics.bytes_per_aggregate.Set(
      aggregates == 0 ? 0 : static_cast<double>(bytes) / static_cast<double>(aggregates));
  metrics.store_memory_bytes.Set(static_cast<double>(store.MemoryBytes()));
}

}  // namespace auspex
