#include "sidecar/history/pending_log.h"

#include <rocksdb/db.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "sidecar/history/keys.h"
#include "sidecar/history/rocks_status.h"

namespace auspex {
namespace {

// A row is the time of its newest sample, then the record. Its key is its sequence number.
constexpr size_t kHeaderBytes = 8;

bool IsRow(const rocksdb::Iterator& it) {
  return it.key().size() == sizeof(uint64_t) && it.value().size() >= kHeaderBytes;
}

std::string SequenceKey(uint64_t sequence) {
  std::string key;
  PutBigEndian64(sequence, &key);
  return key;
}

std::unique_ptr<rocksdb::Iterator> Rows(Store& store) {
  std::unique_ptr<rocksdb::Iterator> it(
      store.db().NewIterator(rocksdb::ReadOptions(), store.family(Store::Family::kPending)));
  it->SeekToFirst();
  return it;
}

}  // namespace

PendingLog::PendingLog(Store& store) : store_(store) {
  absl::MutexLock lock(&mu_);
  for (auto it = Rows(store_); it->Valid(); it->Next()) {
    if (!IsRow(*it)) continue;  // Replay reports it
    const uint64_t sequence = GetBigEndian64(it->key().ToStringView());
    const auto newest_ms = static_cast<TimestampMs>(GetBigEndian64(it->value().ToStringView()));
    rows_.push_back({sequence, newest_ms});
    next_sequence_ = sequence + 1;
  }
}

absl::Status PendingLog::Append(std::string_view record, TimestampMs newest_sample_ms) {
  std::string value;
  value.reserve(kHeaderBytes + record.size());
  PutBigEndian64(static_cast<uint64_t>(newest_sample_ms), &value);
  value.append(record);
  absl::MutexLock lock(&mu_);
  const uint64_t sequence = next_sequence_++;
  absl::Status status =
      FromRocks(store_.db().Put(rocksdb::WriteOptions(), store_.family(Store::Family::kPending),
                                SequenceKey(sequence), value),
                "cannot append to the ingest log");
  if (status.ok()) rows_.push_back({sequence, newest_sample_ms});
  return status;
}

absl::Status PendingLog::Replay(const std::function<absl::Status(std::string_view)>& replay) const {
  auto it = Rows(store_);
  for (; it->Valid(); it->Next()) {
    if (!IsRow(*it)) {
      return absl::DataLossError(absl::StrCat("row 0x", it->key().ToString(/*hex=*/true),
                                              " of the ingest log is corrupt"));
    }
    absl::Status status = replay(it->value().ToStringView().substr(kHeaderBytes));
    if (!status.ok()) return status;
  }
  return FromRocks(it->status(), "cannot read the ingest log");
}

absl::Status PendingLog::Trim(TimestampMs t_ms) {
  absl::MutexLock lock(&mu_);
  size_t dropped = 0;
  while (dropped < rows_.size() && rows_[dropped].newest_sample_ms < t_ms) ++dropped;
  if (dropped == 0) return absl::OkStatus();
  absl::Status status = FromRocks(
      store_.db().DeleteRange(rocksdb::WriteOptions(), store_.family(Store::Family::kPending),
                              SequenceKey(rows_.front().sequence),
                              SequenceKey(rows_[dropped - 1].sequence + 1)),
      "cannot trim the ingest log");
  if (status.ok()) rows_.erase(rows_.begin(), rows_.begin() + static_cast<ptrdiff_t>(dropped));
  return status;
}

size_t PendingLog::rows() const {
  absl::MutexLock lock(&mu_);
  return rows_.size();
}

}  // namespace auspex
