#include "sidecar/history/catalog.h"

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sidecar/core/label_codec.h"
#include "sidecar/history/keys.h"
#include "sidecar/history/rocks_status.h"

namespace auspex {
namespace {

// First bytes of the keys of family "rules".
constexpr char kIds[] = "n";      // next rule id, next aggregate id
constexpr char kRule = 'r';       // r | name
constexpr char kAggregate = 'a';  // a | rule id | aggregate id
constexpr char kClosed = 'c';     // c | rule id

std::string RuleKey(std::string_view name) { return kRule + std::string(name); }

std::string IdKey(char kind, RuleId rule) {
  std::string key(1, kind);
  PutBigEndian32(static_cast<uint32_t>(rule), &key);
  return key;
}

std::string AggregateKeyOf(RuleId rule, AggregateId aggregate) {
  std::string key = IdKey(kAggregate, rule);
  PutBigEndian32(static_cast<uint32_t>(aggregate), &key);
  return key;
}

// The first key that does not begin with `prefix`.
std::string AfterPrefix(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) ++prefix.back();
  return prefix;
}

std::string EncodeRuleRow(const RuleRow& row) {
  std::string bytes;
  PutBigEndian32(static_cast<uint32_t>(row.id), &bytes);
  PutBigEndian64(static_cast<uint64_t>(row.step_ms), &bytes);
  PutBigEndian64(static_cast<uint64_t>(row.block_ms), &bytes);
  PutBigEndian64(static_cast<uint64_t>(row.sealed_ms), &bytes);
  return bytes + row.fingerprint;
}

absl::StatusOr<RuleRow> DecodeRuleRow(std::string_view name, std::string_view bytes) {
  constexpr size_t kFixedBytes = 28;
  if (bytes.size() < kFixedBytes) {
    return absl::DataLossError(absl::StrCat("rule ", std::string(name), ": corrupt row"));
  }
  RuleRow row;
  row.id = RuleId{GetBigEndian32(bytes)};
  row.step_ms = static_cast<DurationMs>(GetBigEndian64(bytes.substr(4)));
  row.block_ms = static_cast<DurationMs>(GetBigEndian64(bytes.substr(12)));
  row.sealed_ms = static_cast<TimestampMs>(GetBigEndian64(bytes.substr(20)));
  row.fingerprint = std::string(bytes.substr(kFixedBytes));
  return row;
}

}  // namespace

absl::Status Catalog::Load() {
  std::string bytes;
  absl::Status status = FromRocks(
      store_.db().Get(rocksdb::ReadOptions(), store_.family(Store::Family::kRules), kIds, &bytes),
      "cannot read the next ids");
  if (absl::IsNotFound(status)) return absl::OkStatus();
  if (!status.ok()) return status;
  if (bytes.size() != 8) return absl::DataLossError("the row of the next ids is corrupt");
  next_rule_ = GetBigEndian32(bytes);
  next_aggregate_ = GetBigEndian32(std::string_view(bytes).substr(4));
  return absl::OkStatus();
}

absl::StatusOr<RuleRow> Catalog::FindRule(std::string_view name) const {
  std::string bytes;
  absl::Status status =
      FromRocks(store_.db().Get(rocksdb::ReadOptions(), store_.family(Store::Family::kRules),
                                RuleKey(name), &bytes),
                absl::StrCat("cannot read rule ", std::string(name)));
  if (!status.ok()) return status;
  return DecodeRuleRow(name, bytes);
}

absl::StatusOr<std::map<std::string, RuleRow>> Catalog::Rules() const {
  std::map<std::string, RuleRow> rules;
  std::unique_ptr<rocksdb::Iterator> it(
      store_.db().NewIterator(rocksdb::ReadOptions(), store_.family(Store::Family::kRules)));
  const std::string prefix(1, kRule);
  for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) {
    const std::string name = it->key().ToString().substr(1);
    auto row = DecodeRuleRow(name, it->value().ToStringView());
    if (!row.ok()) return row.status();
    rules.emplace(name, *std::move(row));
  }
  absl::Status status = FromRocks(it->status(), "cannot read the rules");
  if (!status.ok()) return status;
  return rules;
}

absl::Status Catalog::LoadRule(RuleHistory& rule) const {
  std::unique_ptr<rocksdb::Iterator> it(
      store_.db().NewIterator(rocksdb::ReadOptions(), store_.family(Store::Family::kRules)));
  const std::string prefix = IdKey(kAggregate, rule.id);
  for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) {
    std::string_view value = it->value().ToStringView();
    LabelSet labels;
    if (it->key().size() != prefix.size() + 4 || !DecodeLabels(&value, &labels)) {
      return absl::DataLossError(absl::StrCat("rule ", rule.rule.name, ": the aggregate's row 0x",
                                              it->key().ToString(/*hex=*/true), " is corrupt"));
    }
    rule.Add(AggregateId{GetBigEndian32(it->key().ToStringView().substr(prefix.size()))}, labels);
  }
  if (!it->status().ok()) return FromRocks(it->status(), "cannot read the aggregates");
  std::string closed;
  absl::Status status =
      FromRocks(store_.db().Get(rocksdb::ReadOptions(), store_.family(Store::Family::kRules),
                                IdKey(kClosed, rule.id), &closed),
                "cannot read the closed steps");
  if (absl::IsNotFound(status)) return absl::OkStatus();
  if (!status.ok()) return status;
  absl::Status decoded = rule.closed.Decode(closed);
  if (decoded.ok()) return decoded;
  return absl::DataLossError(
      absl::StrCat("rule ", rule.rule.name, ": ", std::string(decoded.message())));
}

RuleId Catalog::NewRuleId(rocksdb::WriteBatch& batch) {
  const RuleId id{next_rule_++};
  PutNextIds(batch);
  return id;
}

AggregateId Catalog::NewAggregateId(rocksdb::WriteBatch& batch) {
  const AggregateId id{next_aggregate_++};
  PutNextIds(batch);
  return id;
}

void Catalog::PutNextIds(rocksdb::WriteBatch& batch) {
  std::string bytes;
  PutBigEndian32(next_rule_, &bytes);
  PutBigEndian32(next_aggregate_, &bytes);
  (void)batch.Put(store_.family(Store::Family::kRules), kIds, bytes);
}

void Catalog::PutRule(std::string_view name, const RuleRow& row, rocksdb::WriteBatch& batch) {
  (void)batch.Put(store_.family(Store::Family::kRules), RuleKey(name), EncodeRuleRow(row));
}

void Catalog::DeleteRule(std::string_view name, RuleId id, rocksdb::WriteBatch& batch) {
  rocksdb::ColumnFamilyHandle* family = store_.family(Store::Family::kRules);
  (void)batch.Delete(family, RuleKey(name));
  (void)batch.Delete(family, IdKey(kClosed, id));
  const std::string prefix = IdKey(kAggregate, id);
  (void)batch.DeleteRange(family, prefix, AfterPrefix(prefix));
}

void Catalog::PutAggregate(RuleId rule, AggregateId aggregate, const LabelSet& labels,
                           rocksdb::WriteBatch& batch) {
  std::string bytes;
  EncodeLabels(labels, &bytes);
  (void)batch.Put(store_.family(Store::Family::kRules), AggregateKeyOf(rule, aggregate), bytes);
}

void Catalog::DeleteAggregate(RuleId rule, AggregateId aggregate, rocksdb::WriteBatch& batch) {
  (void)batch.Delete(store_.family(Store::Family::kRules), AggregateKeyOf(rule, aggregate));
}

void Catalog::PutClosed(const RuleHistory& rule, rocksdb::WriteBatch& batch) {
  (void)batch.Put(store_.family(Store::Family::kRules), IdKey(kClosed, rule.id),
                  rule.closed.Encode());
}

}  // namespace auspex
