#include "sidecar/history/issued_log.h"

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <cstring>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "sidecar/core/label_codec.h"
#include "sidecar/history/keys.h"
#include "sidecar/history/rocks_status.h"

namespace auspex {
namespace {

// Begins every row; a row of another layout (no aggregate has this id) is passed over.
constexpr uint32_t kRowLayout = 0xffff'0002;

template <typename T>
void PutArray(std::span<const T> values, std::string* out) {
  EncodeNumber(static_cast<uint32_t>(values.size()), out);
  out->append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

// Reads what PutArray wrote from the front of `*bytes` and removes it there.
template <typename T>
bool TakeArray(std::string_view* bytes, std::vector<T>* values) {
  uint32_t count = 0;
  if (!DecodeNumber(bytes, &count) || bytes->size() / sizeof(T) < count) return false;
  values->resize(count);
  // An empty vector may have no address to copy to.
  if (count > 0) std::memcpy(values->data(), bytes->data(), count * sizeof(T));
  bytes->remove_prefix(count * sizeof(T));
  return true;
}

std::string EncodeRow(const IssuedRow& row) {
  std::string bytes;
  EncodeNumber(kRowLayout, &bytes);
  PutArray<DurationMs>(row.leads_ms, &bytes);
  PutArray<double>(row.quantile_levels, &bytes);
  PutArray<float>(row.factors, &bytes);
  for (const IssuedForecast& forecast : row.forecasts) {
    EncodeNumber(static_cast<uint32_t>(forecast.aggregate), &bytes);
    PutArray<float>(forecast.values, &bytes);
  }
  return bytes;
}

// Whether it is a row of this layout. A row that is not has nothing to say.
bool TakeLayout(std::string_view* bytes) {
  uint32_t layout = 0;
  return DecodeNumber(bytes, &layout) && layout == kRowLayout;
}

bool DecodeRow(std::string_view bytes, IssuedRow* row) {
  row->forecasts.clear();
  if (!TakeArray(&bytes, &row->leads_ms) || !TakeArray(&bytes, &row->quantile_levels)) return false;
  if (!TakeArray(&bytes, &row->factors)) return false;
  if (!row->factors.empty() && row->factors.size() != row->leads_ms.size()) return false;
  const size_t values = row->leads_ms.size() * row->quantile_levels.size();
  while (!bytes.empty()) {
    uint32_t aggregate = 0;
    IssuedForecast forecast;
    if (!DecodeNumber(&bytes, &aggregate) || !TakeArray(&bytes, &forecast.values)) return false;
    if (forecast.values.size() != values) return false;
    forecast.aggregate = AggregateId{aggregate};
    row->forecasts.push_back(std::move(forecast));
  }
  return true;
}

}  // namespace

absl::Status IssuedLog::Put(RuleId rule, TimestampMs origin_ms, const IssuedRow& row) {
  return FromRocks(store_.db().Put(rocksdb::WriteOptions(), store_.family(family_),
                                   RuleTimeKey(rule, origin_ms), EncodeRow(row)),
                   "cannot keep issued forecasts");
}

absl::Status IssuedLog::Read(
    RuleId rule, TimestampMs first_ms, TimestampMs last_ms,
    const std::function<void(TimestampMs, const IssuedRow&)>& visit) const {
  std::unique_ptr<rocksdb::Iterator> it(
      store_.db().NewIterator(PassingRead(), store_.family(family_)));
  const std::string end = RuleTimeKey(rule, last_ms);
  IssuedRow row;
  for (it->Seek(RuleTimeKey(rule, first_ms)); it->Valid() && it->key().compare(end) <= 0;
       it->Next()) {
    const TimestampMs origin_ms = KeyTime(it->key().ToStringView());
    std::string_view bytes = it->value().ToStringView();
    if (!TakeLayout(&bytes)) continue;
    if (!DecodeRow(bytes, &row)) {
      return absl::DataLossError(absl::StrCat("issued forecasts of rule ",
                                              static_cast<uint32_t>(rule), " at ", origin_ms,
                                              " are corrupt"));
    }
    visit(origin_ms, row);
  }
  return FromRocks(it->status(), "cannot read issued forecasts");
}

absl::Status IssuedLog::Trim(RuleId rule, TimestampMs t_ms) {
  // Called after every issue, so it drops a row or none: single deletions, since every reader would
  // have to step over thousands of range deletions.
  rocksdb::ColumnFamilyHandle* family = store_.family(family_);
  const std::string end = RuleTimeKey(rule, t_ms);
  std::unique_ptr<rocksdb::Iterator> it(store_.db().NewIterator(rocksdb::ReadOptions(), family));
  rocksdb::WriteBatch batch;
  for (it->Seek(RuleTimeKey(rule, INT64_MIN)); it->Valid() && it->key().compare(end) < 0;
       it->Next()) {
    (void)batch.Delete(family, it->key());
  }
  rocksdb::Status status = it->status();
  if (status.ok() && batch.Count() > 0) {
    status = store_.db().Write(rocksdb::WriteOptions(), &batch);
  }
  return FromRocks(status, "cannot trim issued forecasts");
}

}  // namespace auspex
