#include "sidecar/history/history.h"

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sidecar/core/duration.h"
#include "sidecar/history/block_codec.h"
#include "sidecar/history/history_impl.h"
#include "sidecar/history/keys.h"
#include "sidecar/history/rocks_status.h"
#include "sidecar/history/step_row.h"

namespace auspex {

absl::StatusOr<std::unique_ptr<History>> History::Open(Store& store, HistoryOptions options,
                                                       Logger logger,
                                                       prometheus::Registry& registry) {
  auto impl = std::make_unique<Impl>(store, options, std::move(logger), registry);
  {
    absl::MutexLock lock(&impl->mu);
    if (absl::Status status = impl->catalog.Load(); !status.ok()) return status;
  }
  return std::unique_ptr<History>(new History(std::move(impl)));
}

History::History(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
History::~History() = default;

RuleHistory* History::Impl::FindRule(RuleId rule) {
  const auto it = rules.find(rule);
  return it == rules.end() ? nullptr : &it->second;
}

const RuleHistory* History::Impl::FindRule(RuleId rule) const {
  const auto it = rules.find(rule);
  return it == rules.end() ? nullptr : &it->second;
}

const RuleHistory* History::Impl::RuleOf(AggregateId aggregate) const {
  const auto it = rule_of.find(aggregate);
  return it == rule_of.end() ? nullptr : FindRule(it->second);
}

absl::StatusOr<RuleId> History::RegisterRule(const HistoryRule& rule) {
  absl::MutexLock lock(&impl_->mu);
  auto row = impl_->catalog.FindRule(rule.name);
  if (!row.ok() && !absl::IsNotFound(row.status())) return row.status();
  const DurationMs block_ms = static_cast<DurationMs>(impl_->options.block_steps) * rule.step_ms;
  if (row.ok() && (row->fingerprint != rule.fingerprint || row->step_ms != rule.step_ms ||
                   row->block_ms != block_ms)) {
    impl_->logger.Info("a rule changed: its history starts anew", {{"rule", rule.name}});
    if (absl::Status status = impl_->DropRule(rule.name, row->id); !status.ok()) return status;
    row = absl::NotFoundError("dropped");
  }
  if (row.ok()) {
    RuleHistory* known = impl_->FindRule(row->id);
    if (known != nullptr && known->rule.context_steps == rule.context_steps) {
      known->rule = rule;
      return row->id;
    }
    impl_->rules.erase(row->id);  // another context: load again
    RuleHistory loaded(row->id, rule, impl_->options.block_steps);
    loaded.sealed_ms = row->sealed_ms;
    if (absl::Status status = impl_->LoadRule(loaded); !status.ok()) return status;
    impl_->rules.emplace(row->id, std::move(loaded));
    return row->id;
  }
  rocksdb::WriteBatch batch;
  RuleHistory fresh(impl_->catalog.NewRuleId(batch), rule, impl_->options.block_steps);
  impl_->PutRuleRow(fresh, batch);
  if (absl::Status status = impl_->Commit(batch, "cannot register a rule"); !status.ok()) {
    return status;
  }
  const RuleId id = fresh.id;
  impl_->rules.emplace(id, std::move(fresh));
  return id;
}

void History::Impl::PutRuleRow(const RuleHistory& rule, rocksdb::WriteBatch& batch) {
  catalog.PutRule(
      rule.rule.name,
      {rule.id, rule.rule.fingerprint, rule.rule.step_ms, rule.block_ms, rule.sealed_ms}, batch);
}

absl::Status History::Impl::LoadRule(RuleHistory& rule) {
  if (absl::Status status = catalog.LoadRule(rule); !status.ok()) return status;
  for (auto& [id, aggregate] : rule.aggregates) {
    rule_of[id] = rule.id;
    if (absl::Status status = LoadContext(rule, id, aggregate); !status.ok()) return status;
  }
  return LoadOpenSteps(rule);
}

// Sealed blocks, oldest first, into the ring.
absl::Status History::Impl::LoadContext(RuleHistory& rule, AggregateId id,
                                        AggregateHistory& aggregate) {
  const TimestampMs newest_ms = std::max(rule.closed.Last(), rule.sealed_ms);
  const DurationMs context_ms =
      static_cast<DurationMs>(rule.rule.context_steps) * rule.rule.step_ms;
  const TimestampMs oldest_ms = rule.BlockStart(newest_ms - context_ms);
  std::unique_ptr<rocksdb::Iterator> it(
      store.db().NewIterator(PassingRead(), store.family(Store::Family::kBlocks)));
  const std::string end = AggregateTimeKey(id, rule.sealed_ms);
  // The block before the context as well: it may hold the newest value of a silent aggregate.
  it->SeekForPrev(AggregateTimeKey(id, oldest_ms));
  const std::string begin = AggregateTimeKey(id, INT64_MIN);
  if (!it->Valid() || it->key().compare(begin) < 0) it->Seek(begin);
  for (; it->Valid() && it->key().compare(end) < 0; it->Next()) {
    const TimestampMs start_ms = KeyTime(it->key().ToStringView());
    const auto values = DecodeBlock(it->value().ToStringView(), rule.BlockSteps());
    if (!values.ok()) {
      return absl::DataLossError(absl::StrCat("block of aggregate ", static_cast<uint32_t>(id),
                                              " at ", start_ms, ": ",
                                              std::string(values.status().message())));
    }
    for (size_t i = 0; i < values->size(); ++i) {
      if (IsMissing((*values)[i])) continue;
      rule.Set(aggregate, start_ms + static_cast<DurationMs>(i) * rule.rule.step_ms, (*values)[i]);
    }
  }
  return FromRocks(it->status(), "cannot read blocks");
}

// Steps that are not sealed yet.
absl::Status History::Impl::LoadOpenSteps(RuleHistory& rule) {
  std::unique_ptr<rocksdb::Iterator> it(
      store.db().NewIterator(PassingRead(), store.family(Store::Family::kSteps)));
  const std::string end = RuleTimeKey(rule.id, INT64_MAX);
  std::vector<AggregateValue> values;
  for (it->Seek(RuleTimeKey(rule.id, rule.sealed_ms)); it->Valid() && it->key().compare(end) <= 0;
       it->Next()) {
    const TimestampMs t_ms = KeyTime(it->key().ToStringView());
    if (!DecodeStepRow(it->value().ToStringView(), &values)) {
      return absl::DataLossError(
          absl::StrCat("step ", t_ms, " of rule ", rule.rule.name, " is corrupt"));
    }
    for (const AggregateValue& entry : values) {
      const auto found = rule.aggregates.find(entry.aggregate);
      if (found != rule.aggregates.end()) rule.Set(found->second, t_ms, entry.value);
    }
  }
  return FromRocks(it->status(), "cannot read steps");
}

absl::Status History::Impl::DropRule(const std::string& name, RuleId id) {
  // Loaded or not, the dictionary says which blocks are the rule's.
  HistoryRule any;
  any.name = name;
  any.step_ms = 1;
  RuleHistory dropped(id, any, 1);
  if (absl::Status status = catalog.LoadRule(dropped); !status.ok()) return status;
  rocksdb::WriteBatch batch;
  for (const auto& [aggregate, unused] : dropped.aggregates) {
    (void)batch.DeleteRange(store.family(Store::Family::kBlocks),
                            AggregateTimeKey(aggregate, INT64_MIN),
                            AggregateTimeKey(aggregate, INT64_MAX));
    rule_of.erase(aggregate);
  }
  for (const Store::Family family :
       {Store::Family::kSteps, Store::Family::kIssued, Store::Family::kShadow}) {
    (void)batch.DeleteRange(store.family(family), RuleTimeKey(id, INT64_MIN),
                            RuleTimeKey(id, INT64_MAX));
  }
  catalog.DeleteRule(name, id, batch);
  if (absl::Status status = Commit(batch, "cannot drop a rule"); !status.ok()) return status;
  rules.erase(id);
  metrics.Forget(name);
  return absl::OkStatus();
}

absl::Status History::RetainRules(std::span<const RuleId> keep) {
  absl::MutexLock lock(&impl_->mu);
  const auto rows = impl_->catalog.Rules();
  if (!rows.ok()) return rows.status();
  for (const auto& [name, row] : *rows) {
    if (std::find(keep.begin(), keep.end(), row.id) != keep.end()) continue;
    impl_->logger.Info("a rule is gone: its history is dropped", {{"rule", name}});
    if (absl::Status status = impl_->DropRule(name, row.id); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<AggregateId> History::Intern(RuleId rule_id, const LabelSet& labels) {
  absl::MutexLock lock(&impl_->mu);
  RuleHistory* rule = impl_->FindRule(rule_id);
  if (rule == nullptr) {
    return absl::NotFoundError(absl::StrCat("no rule ", static_cast<uint32_t>(rule_id)));
  }
  const auto known = rule->by_labels.find(labels);
  if (known != rule->by_labels.end()) {
    // Takes the caller's for its own: stages that know the aggregate then hold its labels once.
    rule->aggregates.at(known->second).labels = labels;
    return known->second;
  }
  rocksdb::WriteBatch batch;
  const AggregateId id = impl_->catalog.NewAggregateId(batch);
  impl_->catalog.PutAggregate(rule_id, id, labels, batch);
  if (absl::Status status = impl_->Commit(batch, "cannot add an aggregate"); !status.ok()) {
    return status;
  }
  rule->Add(id, labels);
  impl_->rule_of[id] = rule_id;
  return id;
}

std::vector<std::pair<AggregateId, LabelSet>> History::Aggregates(RuleId rule_id) const {
  absl::ReaderMutexLock lock(&impl_->mu);
  std::vector<std::pair<AggregateId, LabelSet>> aggregates;
  const RuleHistory* rule = impl_->FindRule(rule_id);
  if (rule == nullptr) return aggregates;
  aggregates.reserve(rule->aggregates.size());
  for (const auto& [id, aggregate] : rule->aggregates)
    aggregates.emplace_back(id, aggregate.labels);
  return aggregates;
}

}  // namespace auspex
