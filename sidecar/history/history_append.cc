#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sidecar/history/block_codec.h"
#include "sidecar/history/history_impl.h"
#include "sidecar/history/keys.h"
#include "sidecar/history/rocks_status.h"
#include "sidecar/history/step_row.h"

namespace auspex {
namespace {

// Blocks that may stay open: Maintain seals earlier, so only back-fill into the present meets this.
// It bounds the memory of open steps, and lets whole blocks be written at once.
constexpr int kOpenBlocksMax = 2;

absl::Status CheckAppend(const RuleHistory& rule, StepRange range,
                         std::span<const AggregateId> aggregates, std::span<const double> matrix) {
  const DurationMs step_ms = rule.rule.step_ms;
  if (range.first_ms % step_ms != 0 || range.last_ms % step_ms != 0 ||
      range.last_ms < range.first_ms) {
    return absl::InvalidArgumentError(absl::StrCat("rule ", rule.rule.name, ": steps ",
                                                   range.first_ms, " to ", range.last_ms,
                                                   " are not boundaries of ", step_ms, " ms"));
  }
  const auto steps = static_cast<size_t>((range.last_ms - range.first_ms) / step_ms + 1);
  if (matrix.size() != aggregates.size() * steps) {
    return absl::InvalidArgumentError(absl::StrCat("rule ", rule.rule.name, ": ", matrix.size(),
                                                   " values for ", aggregates.size(),
                                                   " aggregates at ", steps, " steps"));
  }
  for (const AggregateId id : aggregates) {
    if (!rule.aggregates.contains(id)) {
      return absl::NotFoundError(
          absl::StrCat("rule ", rule.rule.name, " has no aggregate ", static_cast<uint32_t>(id)));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status History::AppendStep(RuleId rule_id, TimestampMs t_ms,
                                 std::span<const AggregateValue> values) {
  std::vector<AggregateId> aggregates;
  std::vector<double> matrix;
  aggregates.reserve(values.size());
  matrix.reserve(values.size());
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
  if (rule == nullptr) {
    return absl::NotFoundError(absl::StrCat("no rule ", static_cast<uint32_t>(rule_id)));
  }
  absl::Status status = CheckAppend(*rule, range, aggregates, matrix);
  if (!status.ok()) return status;
  if (range.last_ms - rule->sealed_ms >= kOpenBlocksMax * rule->block_ms) {
    status = impl_->SealBefore(*rule, range.last_ms);
  }
  const DurationMs step_ms = rule->rule.step_ms;
  const StepMatrix steps(range, step_ms, aggregates, matrix);
  TimestampMs next_ms = range.first_ms;
  while (status.ok() && next_ms <= range.last_ms && next_ms < rule->sealed_ms) {
    const TimestampMs block_end_ms = rule->BlockStart(next_ms) + rule->block_ms;
    const StepRange part = {next_ms, std::min(block_end_ms - step_ms, range.last_ms)};
    status = impl_->AppendSealed(*rule, steps.Part(part));
    next_ms = block_end_ms;
  }
  if (status.ok() && next_ms <= range.last_ms) {
    status = impl_->AppendOpen(*rule, steps.Part({next_ms, range.last_ms}));
  }
  return status;
}

absl::Status History::Impl::AppendSealed(RuleHistory& rule, const StepMatrix& steps) {
  rocksdb::WriteBatch batch;
  for (const auto& [id, unused] : rule.aggregates) {
    if (absl::Status status = RewriteBlock(rule, id, steps, batch); !status.ok()) return status;
  }
  return CommitSteps(rule, steps, batch);
}

absl::Status History::Impl::RewriteBlock(const RuleHistory& rule, AggregateId aggregate,
                                         const StepMatrix& steps, rocksdb::WriteBatch& batch) {
  const TimestampMs start_ms = rule.BlockStart(steps.range().first_ms);
  auto before = ReadBlock(rule, aggregate, start_ms);
  if (!before.ok()) return before.status();
  std::vector<double> after = *before;
  const auto at = after.begin() + (steps.range().first_ms - start_ms) / rule.rule.step_ms;
  const std::span<const double> row = steps.RowOf(aggregate);
  if (row.empty()) {
    std::fill_n(at, steps.steps(), Missing());
  } else {
    std::copy(row.begin(), row.end(), at);
  }
  const bool was_empty = std::all_of(before->begin(), before->end(), IsMissing);
  const bool is_empty = std::all_of(after.begin(), after.end(), IsMissing);
  if (was_empty && is_empty) return absl::OkStatus();
  const std::string key = AggregateTimeKey(aggregate, start_ms);
  rocksdb::ColumnFamilyHandle* family = store.family(Store::Family::kBlocks);
  if (is_empty) {
    (void)batch.Delete(family, key);
  } else {
    (void)batch.Put(family, key, EncodeBlock(after));
  }
  metrics.blocks_rewritten.Increment();
  return absl::OkStatus();
}

absl::Status History::Impl::AppendOpen(RuleHistory& rule, const StepMatrix& steps) {
  rocksdb::WriteBatch batch;
  rocksdb::ColumnFamilyHandle* family = store.family(Store::Family::kSteps);
  std::vector<AggregateValue> entries;
  for (size_t k = 0; k < steps.steps(); ++k) {
    entries.clear();
    for (size_t i = 0; i < steps.aggregates().size(); ++i) {
      const double value = steps.Row(i)[k];
      if (!IsMissing(value)) entries.push_back({steps.aggregates()[i], value});
    }
    const TimestampMs t_ms =
        steps.range().first_ms + static_cast<DurationMs>(k) * rule.rule.step_ms;
    (void)batch.Put(family, RuleTimeKey(rule.id, t_ms), EncodeStepRow(entries));
  }
  return CommitSteps(rule, steps, batch);
}

absl::Status History::Impl::CommitSteps(RuleHistory& rule, const StepMatrix& steps,
                                        rocksdb::WriteBatch& batch) {
  ClosedRanges closed_before = rule.closed;
  rule.closed.Add(steps.range());
  catalog.PutClosed(rule, batch);
  if (absl::Status status = Commit(batch, "cannot keep steps"); !status.ok()) {
    rule.closed = std::move(closed_before);
    return status;
  }
  for (auto& [id, aggregate] : rule.aggregates) {
    const std::span<const double> row = steps.RowOf(id);
    TimestampMs t_ms = steps.range().first_ms;
    for (size_t k = 0; k < steps.steps(); ++k, t_ms += rule.rule.step_ms) {
      rule.Set(aggregate, t_ms, row.empty() ? Missing() : row[k]);
    }
  }
  metrics.steps_appended.Increment(static_cast<double>(steps.steps()));
  return absl::OkStatus();
}

absl::Status History::Impl::Commit(rocksdb::WriteBatch& batch, const char* what) {
  return FromRocks(store.db().Write(rocksdb::WriteOptions(), &batch), what);
}

}  // namespace auspex
