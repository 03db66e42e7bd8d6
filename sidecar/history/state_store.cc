#include "sidecar/history/state_store.h"

#include <rocksdb/db.h>

#include <memory>

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

absl::StatusOr<std::vector<std::string>> StateStore::Keys(std::string_view prefix) const {
  std::unique_ptr<rocksdb::Iterator> it(
      store_.db().NewIterator(rocksdb::ReadOptions(), store_.family(Store::Family::kState)));
  std::vector<std::string> keys;
  for (it->Seek(AsSlice(prefix)); it->Valid() && it->key().starts_with(AsSlice(prefix));
       it->Next()) {
    keys.push_back(it->key().ToString());
  }
  absl::Status status = FromRocks(it->status(), Doing("list", prefix));
  if (!status.ok()) return status;
  return keys;
}

}  // namespace auspex
