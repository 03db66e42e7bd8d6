#include "sidecar/history/state_store.h"

#include <rocksdb/db.h>

#include "absl/strings/str_cat.h"
#include "sidecar/history/rocks_status.h"

namespace auspex {
namespace {

rocksdb::Slice AsSlice(std::string_view text) { return {text.data(), text.size()}; }

std::string Doing(const char* verb, std::string_view key) {
  return absl::StrCat("cannot ", verb, " state ", std::string(key));
}

}  // namespace

absl::Status StateStore::Put(std::string_view key, std::string_view value) {
  return FromRocks(store_.db().Put(rocksdb::WriteOptions(), store_.family(Store::Family::kState),
                                   AsSlice(key), AsSlice(value)),
                   Doing("write", key));
}

absl::StatusOr<std::string> StateStore::Get(std::string_view key) const {
  std::string value;
  absl::Status status =
      FromRocks(store_.db().Get(rocksdb::ReadOptions(), store_.family(Store::Family::kState),
                                AsSlice(key), &value),
                Doing("read", key));
  if (!status.ok()) return status;
  return value;
}

absl::Status StateStore::Delete(std::string_view key) {
  return FromRocks(store_.db().Delete(rocksdb::WriteOptions(), store_.family(Store::Family::kState),
                                      AsSlice(key)),
                   Doing("delete", key));
}

}  // namespace auspex
