#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "sidecar/core/duration.h"
#include "sidecar/history/block_codec.h"
#include "sidecar/history/history_impl.h"
#include "sidecar/history/keys.h"
#include "sidecar/history/rocks_status.h"
#include "sidecar/history/step_row.h"

namespace auspex {
namespace {

absl::Status NoSuchRule(RuleId rule) {
  return absl::NotFoundError(absl::StrCat("no rule ", static_cast<uint32_t>(rule)));
}

}  // namespace

absl::Status History::Impl::Commit(rocksdb::WriteBatch& batch, const char* what) {
  return FromRocks(store.db().Write(rocksdb::WriteOptions(), &batch), what);
}

void History::Impl::BeginAt(RuleHistory& rule, TimestampMs t_ms, rocksdb::WriteBatch& batch) {
  if (rule.sealed_ms != 0) return;
  rule.sealed_ms = rule.BlockStart(t_ms);
  PutRuleRow(rule, batch);
}

absl::Status History::Impl::RewriteBlock(const RuleHistory& rule, AggregateId aggregate,
                                         StepRange range, std::span<const double> values,
                                         rocksdb::WriteBatch& batch) {
  const TimestampMs start_ms = rule.BlockStart(range.first_ms);
  auto block = ReadBlock(rule, aggregate, start_ms);
  if (!block.ok()) return block.status();
  const auto offset = static_cast<size_t>((range.first_ms - start_ms) / rule.rule.step_ms);
  std::copy(values.begin(), values.end(), block->begin() + static_cast<ptrdiff_t>(offset));
  const std::string key = AggregateTimeKey(aggregate, start_ms);
  rocksdb::ColumnFamilyHandle* family = store.family(Store::Family::kBlocks);
  if (std::all_of(block->begin(), block->end(), IsMissing)) {
    (void)batch.Delete(family, key);
  } else {
    (void)batch.Put(family, key, EncodeBlock(*block));
    metrics.blocks_rewritten.Increment();
  }
  return absl::OkStatus();
}

absl::Status History::AppendStep(RuleId rule_id, TimestampMs t_ms,
                                 std::span<const AggregateValue> values) {
  std::vector<AggregateId> aggregates;
  std::vector<double> matrix;
  for (const AggregateValue& entry : values) {
    aggregates.push_back(entry.aggregate);
    matrix.push_back(entry.value);
  }
  return AppendRange(rule_id, {t_ms, t_ms}, aggregates, matrix);
}

absl::Status History::AppendRange(RuleId rule_id, StepRange range,
                                  std::span<const AggregateId> aggregates,
                                  std::span<const double> matrix) {
  absl::MutexLock lock(&impl_->mu);
  RuleHistory* rule = impl_->FindRule(rule_id);
  if (rule == nullptr) return NoSuchRule(rule_id);
  const DurationMs step_ms = rule->rule.step_ms;
  const auto steps = static_cast<size_t>((range.last_ms - range.first_ms) / step_ms + 1);
  if (range.first_ms % step_ms != 0 || range.last_ms % step_ms != 0 ||
      range.last_ms < range.first_ms || matrix.size() != aggregates.size() * steps) {
    return absl::InvalidArgumentError(absl::StrCat(
        "rule ", rule->rule.name, ": steps off the grid, or a matrix of another size"));
  }
  absl::flat_hash_map<AggregateId, size_t> row_of;
  for (size_t i = 0; i < aggregates.size(); ++i) {
    if (!rule->aggregates.contains(aggregates[i])) {
      return absl::NotFoundError(absl::StrCat("rule ", rule->rule.name, " has no aggregate ",
                                              static_cast<uint32_t>(aggregates[i])));
    }
    row_of[aggregates[i]] = i;
  }

  rocksdb::WriteBatch batch;
  impl_->BeginAt(*rule, range.last_ms, batch);
  const std::vector<double> missing(steps, Missing());
  const auto row = [&](AggregateId id) {
    const auto it = row_of.find(id);
    return it == row_of.end() ? std::span<const double>(missing)
                              : matrix.subspan(it->second * steps, steps);
  };
  // Sealed steps go into their blocks, of every aggregate: those not named are missing there.
  for (TimestampMs start_ms = rule->BlockStart(range.first_ms);
       start_ms <= range.last_ms && start_ms < rule->sealed_ms; start_ms += rule->block_ms) {
    const StepRange part = {std::max(start_ms, range.first_ms),
                            std::min(start_ms + rule->block_ms - step_ms, range.last_ms)};
    const auto offset = static_cast<size_t>((part.first_ms - range.first_ms) / step_ms);
    const auto count = static_cast<size_t>((part.last_ms - part.first_ms) / step_ms + 1);
    for (const auto& [id, unused] : rule->aggregates) {
      absl::Status status =
          impl_->RewriteBlock(*rule, id, part, row(id).subspan(offset, count), batch);
      if (!status.ok()) return status;
    }
  }
  // Open steps are one row each.
  std::vector<AggregateValue> entries;
  for (TimestampMs t_ms = std::max(range.first_ms, rule->sealed_ms); t_ms <= range.last_ms;
       t_ms += step_ms) {
    const auto column = static_cast<size_t>((t_ms - range.first_ms) / step_ms);
    entries.clear();
    for (size_t i = 0; i < aggregates.size(); ++i) {
      const double value = matrix[i * steps + column];
      if (!IsMissing(value)) entries.push_back({aggregates[i], value});
    }
    (void)batch.Put(impl_->store.family(Store::Family::kSteps), RuleTimeKey(rule_id, t_ms),
                    EncodeStepRow(entries));
  }
  ClosedRanges closed_before = rule->closed;
  rule->closed.Add(range);
  impl_->catalog.PutClosed(*rule, batch);
  if (absl::Status status = impl_->Commit(batch, "cannot keep steps"); !status.ok()) {
    rule->closed = std::move(closed_before);
    return status;
  }

  for (auto& [id, aggregate] : rule->aggregates) {
    const std::span<const double> values = row(id);
    for (size_t k = 0; k < steps; ++k) {
      rule->Set(aggregate, range.first_ms + static_cast<DurationMs>(k) * step_ms, values[k]);
    }
  }
  impl_->metrics.steps_appended.Increment(static_cast<double>(steps));
  return absl::OkStatus();
}

}  // namespace auspex
