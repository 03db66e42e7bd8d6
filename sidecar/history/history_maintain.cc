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
    while (rule.sealed_ms != 0 && rule.sealed_ms + rule.block_ms + delay_ms <= rule.closed.Last()) {
      if (absl::Status status = impl_->SealNextBlock(rule); !status.ok()) return status;
    }
    if (absl::Status status = impl_->DropExpired(rule, now_ms); !status.ok()) return status;
  }
  impl_->ShowMetrics();
  return absl::OkStatus();
}

absl::Status History::Impl::SealNextBlock(RuleHistory& rule) {
  rocksdb::WriteBatch batch;
  const TimestampMs start_ms = rule.sealed_ms;
  const size_t steps = rule.BlockSteps();
  int sealed = 0;
  for (auto& [id, aggregate] : rule.aggregates) {
    std::vector<double> values(
        aggregate.tail.begin(),
        aggregate.tail.begin() + static_cast<ptrdiff_t>(std::min(steps, aggregate.tail.size())));
    if (std::all_of(values.begin(), values.end(), IsMissing)) continue;
    values.resize(steps, Missing());
    (void)batch.Put(store.family(Store::Family::kBlocks), AggregateTimeKey(id, start_ms),
                    EncodeBlock(values));
    ++sealed;
  }
  (void)batch.DeleteRange(store.family(Store::Family::kSteps), RuleTimeKey(rule.id, start_ms),
                          RuleTimeKey(rule.id, start_ms + rule.block_ms));
  rule.sealed_ms = start_ms + rule.block_ms;
  PutRuleRow(rule, batch);
  if (absl::Status status = Commit(batch, "cannot seal a block"); !status.ok()) {
    rule.sealed_ms = start_ms;
    return status;
  }
  for (auto& [id, aggregate] : rule.aggregates) {
    const auto gone = static_cast<ptrdiff_t>(std::min(steps, aggregate.tail.size()));
    aggregate.tail.erase(aggregate.tail.begin(), aggregate.tail.begin() + gone);
    aggregate.tail.shrink_to_fit();
  }
  metrics.blocks_sealed.Increment(sealed);
  return absl::OkStatus();
}

absl::Status History::Impl::DropExpired(RuleHistory& rule, TimestampMs now_ms) {
  // Whole blocks only: once per block is often enough.
  const TimestampMs keep_from_ms =
      std::min(rule.BlockStart(now_ms - rule.rule.retention_ms), rule.sealed_ms);
  if (rule.sealed_ms == 0 || keep_from_ms <= rule.dropped_ms) return absl::OkStatus();
  rocksdb::WriteBatch batch;
  std::vector<AggregateId> ended;
  for (auto& [id, aggregate] : rule.aggregates) {
    // One that was just added and has no value yet gets a full retention from here.
    if (aggregate.last_value_ms == 0) aggregate.last_value_ms = rule.closed.Last();
    const bool dead = aggregate.last_value_ms < keep_from_ms;
    (void)batch.DeleteRange(store.family(Store::Family::kBlocks), AggregateTimeKey(id, INT64_MIN),
                            AggregateTimeKey(id, keep_from_ms));
    if (!dead) continue;
    catalog.DeleteAggregate(rule.id, id, batch);
    ended.push_back(id);
  }
  ClosedRanges closed = rule.closed;
  rule.closed.DropBefore(keep_from_ms);
  catalog.PutClosed(rule, batch);
  if (absl::Status status = Commit(batch, "cannot drop expired steps"); !status.ok()) {
    rule.closed = std::move(closed);
    return status;
  }
  for (const AggregateId id : ended) {
    rule.by_labels.erase(rule.aggregates.at(id).labels);
    rule.aggregates.erase(id);
    rule_of.erase(id);
  }
  rule.dropped_ms = keep_from_ms;
  return absl::OkStatus();
}

size_t History::Impl::MemoryBytes() const {
  size_t bytes = 0;
  for (const auto& [id, rule] : rules) {
    for (const auto& [aggregate_id, aggregate] : rule.aggregates) {
      // The labels stand twice: here and in the index by labels.
      for (const auto& [name, value] : aggregate.labels.labels()) {
        bytes += 2 * (sizeof(LabelSet::Label) + name.capacity() + value.capacity());
      }
      bytes += sizeof(AggregateHistory) + aggregate.context.MemoryBytes() +
               aggregate.tail.capacity() * sizeof(double);
    }
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
    metrics.SetAggregates(rule.rule.name, rule.aggregates.size());
    aggregates += rule.aggregates.size();
  }
  const size_t bytes = MemoryBytes();
  metrics.memory_bytes.Set(static_cast<double>(bytes));
  metrics.bytes_per_aggregate.Set(
      aggregates == 0 ? 0 : static_cast<double>(bytes) / static_cast<double>(aggregates));
  metrics.store_memory_bytes.Set(static_cast<double>(store.MemoryBytes()));
}

}  // namespace auspex
