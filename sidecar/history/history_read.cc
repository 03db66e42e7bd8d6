#include <rocksdb/db.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sidecar/core/duration.h"
#include "sidecar/history/block_codec.h"
#include "sidecar/history/history_impl.h"
#include "sidecar/history/keys.h"
#include "sidecar/history/rocks_status.h"

namespace auspex {

absl::StatusOr<std::vector<double>> History::Impl::ReadBlock(const RuleHistory& rule,
                                                             AggregateId aggregate,
                                                             TimestampMs block_start_ms) const {
  std::string bytes;
  absl::Status status =
      FromRocks(store.db().Get(rocksdb::ReadOptions(), store.family(Store::Family::kBlocks),
                               AggregateTimeKey(aggregate, block_start_ms), &bytes),
                absl::StrCat("cannot read the block of aggregate ",
                             static_cast<uint32_t>(aggregate), " at ", block_start_ms));
  if (absl::IsNotFound(status)) return std::vector<double>(rule.BlockSteps(), Missing());
  if (!status.ok()) return status;
  auto values = DecodeBlock(bytes, rule.BlockSteps());
  if (values.ok()) return values;
  return absl::DataLossError(absl::StrCat("block of aggregate ", static_cast<uint32_t>(aggregate),
                                          " of rule ", rule.rule.name, " at ", block_start_ms, ": ",
                                          std::string(values.status().message())));
}

absl::StatusOr<std::vector<double>> History::Read(AggregateId id, StepRange range) const {
  absl::ReaderMutexLock lock(&impl_->mu);
  const RuleHistory* rule = impl_->RuleOf(id);
  if (rule == nullptr) {
    return absl::NotFoundError(absl::StrCat("no aggregate ", static_cast<uint32_t>(id)));
  }
  const AggregateHistory& aggregate = rule->aggregates.at(id);
  const DurationMs step_ms = rule->rule.step_ms;
  const TimestampMs first_ms = StepCeil(range.first_ms, step_ms);
  const TimestampMs last_ms = StepFloor(range.last_ms, step_ms);
  std::vector<double> values;
  for (TimestampMs start_ms = rule->BlockStart(first_ms);
       start_ms <= last_ms && start_ms < rule->sealed_ms; start_ms += rule->block_ms) {
    const auto block = impl_->ReadBlock(*rule, id, start_ms);
    if (!block.ok()) return block.status();
    const TimestampMs from_ms = std::max(start_ms, first_ms);
    const TimestampMs to_ms = std::min(start_ms + rule->block_ms - step_ms, last_ms);
    const auto begin = block->begin() + (from_ms - start_ms) / step_ms;
    values.insert(values.end(), begin, begin + (to_ms - from_ms) / step_ms + 1);
  }
  for (TimestampMs t_ms = std::max(first_ms, rule->sealed_ms); t_ms <= last_ms; t_ms += step_ms) {
    values.push_back(rule->OpenValue(aggregate, t_ms));
  }
  return values;
}

TimestampMs History::LastStep(RuleId rule_id) const {
  absl::ReaderMutexLock lock(&impl_->mu);
  const RuleHistory* rule = impl_->FindRule(rule_id);
  return rule == nullptr ? 0 : rule->closed.Last();
}

std::vector<StepRange> History::Gaps(RuleId rule_id, StepRange within) const {
  absl::ReaderMutexLock lock(&impl_->mu);
  const RuleHistory* rule = impl_->FindRule(rule_id);
  return rule == nullptr ? std::vector<StepRange>() : rule->closed.Gaps(within);
}

void History::Context(AggregateId id, TimestampMs last_ms, std::span<float> out) const {
  absl::ReaderMutexLock lock(&impl_->mu);
  const RuleHistory* rule = impl_->RuleOf(id);
  if (rule == nullptr) {
    std::fill(out.begin(), out.end(), static_cast<float>(Missing()));
    return;
  }
  rule->aggregates.at(id).context.Copy(last_ms, out);
}

}  // namespace auspex
