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

std::string EncodeRow(std::span<const IssuedForecast> forecasts) {
  std::string row;
  for (const IssuedForecast& forecast : forecasts) {
    EncodeNumber(static_cast<uint32_t>(forecast.aggregate), &row);
    EncodeNumber(static_cast<uint32_t>(forecast.values.size()), &row);
    row.append(reinterpret_cast<const char*>(forecast.values.data()),
               forecast.values.size() * sizeof(float));
  }
  return row;
}

bool DecodeRow(std::string_view row, std::vector<IssuedForecast>* forecasts) {
  forecasts->clear();
  while (!row.empty()) {
    uint32_t aggregate = 0;
    uint32_t count = 0;
    if (!DecodeNumber(&row, &aggregate) || !DecodeNumber(&row, &count)) return false;
    if (row.size() / sizeof(float) < count) return false;
    IssuedForecast forecast = {AggregateId{aggregate}, std::vector<float>(count)};
    // An empty vector may have no address to copy to.
    if (count > 0) std::memcpy(forecast.values.data(), row.data(), count * sizeof(float));
    row.remove_prefix(count * sizeof(float));
    forecasts->push_back(std::move(forecast));
  }
  return true;
}

}  // namespace

absl::Status IssuedLog::Put(RuleId rule, TimestampMs origin_ms,
                            std::span<const IssuedForecast> forecasts) {
  return FromRocks(store_.db().Put(rocksdb::WriteOptions(), store_.family(Store::Family::kIssued),
                                   RuleTimeKey(rule, origin_ms), EncodeRow(forecasts)),
                   "cannot keep issued forecasts");
}

absl::Status IssuedLog::Read(
    RuleId rule, TimestampMs first_ms, TimestampMs last_ms,
    const std::function<void(TimestampMs, std::span<const IssuedForecast>)>& visit) const {
  std::unique_ptr<rocksdb::Iterator> it(
      store_.db().NewIterator(rocksdb::ReadOptions(), store_.family(Store::Family::kIssued)));
  const std::string end = RuleTimeKey(rule, last_ms);
  std::vector<IssuedForecast> forecasts;
  for (it->Seek(RuleTimeKey(rule, first_ms)); it->Valid() && it->key().compare(end) <= 0;
       it->Next()) {
    const TimestampMs origin_ms = KeyTime(it->key().ToStringView());
    if (!DecodeRow(it->value().ToStringView(), &forecasts)) {
      return absl::DataLossError(absl::StrCat("issued forecasts of rule ",
                                              static_cast<uint32_t>(rule), " at ", origin_ms,
                                              " are corrupt"));
    }
    visit(origin_ms, forecasts);
  }
  return FromRocks(it->status(), "cannot read issued forecasts");
}

absl::Status IssuedLog::Trim(RuleId rule, TimestampMs t_ms) {
  // Called after every issue, so it drops a row or none: single deletions, since every reader would
  // have to step over thousands of range deletions.
  rocksdb::ColumnFamilyHandle* family = store_.family(Store::Family::kIssued);
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
