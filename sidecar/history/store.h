// The one RocksDB of the daemon; history, pending_log, issued_log and state_store each own a
// column family of it.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "sidecar/base/log.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
struct ReadOptions;
}  // namespace rocksdb

namespace auspex {

struct StoreOptions {
  std::string path;                  // a directory, created when absent
  size_t cache_bytes = 8u << 20;     // block cache; only speed
  size_t memtable_bytes = 4u << 20;  // per column family; only speed
};

// For reads that pass over rows once: they leave the cache to rows that are asked for again.
rocksdb::ReadOptions PassingRead();

// Thread-safe. Writes go to RocksDB's write-ahead log before they return: they survive the death
// of the process. They are not synced one by one: a power cut may lose the last moments, which the
// upstream repairs. One process may have it open (RocksDB's lock file): a second gets
// FailedPrecondition that names the path.
class Store {
 public:
  enum class Family { kState, kRules, kSteps, kBlocks, kPending, kIssued, kShadow };

  static absl::StatusOr<std::unique_ptr<Store>> Open(const StoreOptions& options, Logger logger);
  ~Store();

  rocksdb::DB& db();
  rocksdb::ColumnFamilyHandle* family(Family family);
  // Resident bytes of memtables and block cache.
  size_t MemoryBytes() const;

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace auspex
