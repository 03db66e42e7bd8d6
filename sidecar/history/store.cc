#include "sidecar/history/store.h"

#include <unistd.h>

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/table.h>

#include <array>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sidecar/base/file.h"

namespace auspex {
namespace {

// In the order of Store::Family.
constexpr std::array<const char*, 7> kFamilyNames = {"state",   "rules",  "steps", "blocks",
                                                     "pending", "issued", "shadow"};
constexpr int kOpenFilesMax = 64;  // each costs its index and filter in memory
constexpr int kBackgroundJobs = 2;
constexpr size_t kInfoLogBytes = 1u << 20;
constexpr size_t kFullMemtablesMax = 3;  // of all families together

rocksdb::ColumnFamilyOptions FamilyOptions(const StoreOptions& options,
                                           const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  rocksdb::ColumnFamilyOptions family;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.write_buffer_size = options.memtable_bytes;
  family.max_write_buffer_number = 2;
  family.compression = rocksdb::kLZ4Compression;
  family.bottommost_compression = rocksdb::kZSTD;
  family.level_compaction_dynamic_level_bytes = true;
  return family;
}

// The ingest log is gone before compression could pay, and its values hardly compress.
void LeaveUncompressed(rocksdb::ColumnFamilyOptions& family) {
  family.compression = rocksdb::kNoCompression;
  family.bottommost_compression = rocksdb::kNoCompression;
}

rocksdb::DBOptions DatabaseOptions(const StoreOptions& options) {
  rocksdb::DBOptions db;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  db.max_open_files = kOpenFilesMax;
  db.max_background_jobs = kBackgroundJobs;
  db.keep_log_file_num = 2;
  db.max_log_file_size = kInfoLogBytes;
  db.info_log_level = rocksdb::WARN_LEVEL;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  db.db_write_buffer_size = kFullMemtablesMax * options.memtable_bytes;
  // Rarely written families must not keep old write-ahead logs alive for ever.
  db.max_total_wal_size = 4 * options.memtable_bytes;
  // After a power cut the end of the log may be torn or full of holes: keep what is before the
  // first broken record, so that what is left is a state that once was.
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  return db;
}

absl::Status OpenError(const std::string& path, const rocksdb::Status& status) {
  const std::string text = absl::StrCat(path, ": ", status.ToString());
  // RocksDB has no code of its own for a lock that is held, by another process or by this one.
  const bool locked = text.find("While lock file: ") != std::string::npos ||
                      text.find("lock hold by current process") != std::string::npos;
  if (status.IsIOError() && locked) {
    return absl::FailedPreconditionError(
        absl::StrCat(text, " (is another process using this directory?)"));
  }
  if (status.IsCorruption()) return absl::DataLossError(text);
  return absl::UnavailableError(text);
}

}  // namespace

rocksdb::ReadOptions PassingRead() {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  return options;
}

class Store::Impl {
 public:
  ~Impl() {
    if (db == nullptr) return;
    for (rocksdb::ColumnFamilyHandle* handle : families) {
      (void)db->DestroyColumnFamilyHandle(handle);
    }
    (void)db->Close();
  }

  rocksdb::Status Open(const StoreOptions& options) {
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    for (const char* name : kFamilyNames) {
      descriptors.emplace_back(name, FamilyOptions(options, cache));
    }
    LeaveUncompressed(descriptors[static_cast<size_t>(Family::kPending)].options);
    const bool fresh = access((options.path + "/CURRENT").c_str(), F_OK) != 0;
    return fresh ? Create(options, descriptors) : OpenAll(options, std::move(descriptors));
  }

  std::shared_ptr<rocksdb::Cache> cache;
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;  // owned by the database; in Family's order

 private:
  // All families in one go: created by the opening, each of them writes and checks the options of
  // all.
  rocksdb::Status Create(const StoreOptions& options,
                         const std::vector<rocksdb::ColumnFamilyDescriptor>& descriptors) {
    const rocksdb::Options all(DatabaseOptions(options), FamilyOptions(options, cache));
    rocksdb::DB* opened = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(all, options.path, &opened);
    db.reset(opened);
    return status.ok() ? db->CreateColumnFamilies(descriptors, &families) : status;
  }

  // Those that are missing, because a creation was interrupted or by an older program, are made.
  rocksdb::Status OpenAll(const StoreOptions& options,
                          std::vector<rocksdb::ColumnFamilyDescriptor> descriptors) {
    descriptors.emplace_back(rocksdb::kDefaultColumnFamilyName, FamilyOptions(options, cache));
    rocksdb::DB* opened = nullptr;
    rocksdb::Status status =
        rocksdb::DB::Open(DatabaseOptions(options), options.path, descriptors, &families, &opened);
    db.reset(opened);
    return status;
  }
};

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const StoreOptions& options, Logger logger) {
  if (absl::Status status = CreateDirectories(options.path); !status.ok()) return status;
  auto impl = std::make_unique<Impl>();
  impl->cache = rocksdb::NewLRUCache(options.cache_bytes);
  const rocksdb::Status status = impl->Open(options);
  if (!status.ok()) return OpenError(options.path, status);
  logger.Debug("store opened", {{"path", options.path}});
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

rocksdb::DB& Store::db() { return *impl_->db; }

rocksdb::ColumnFamilyHandle* Store::family(Family family) {
  return impl_->families[static_cast<size_t>(family)];
}

size_t Store::MemoryBytes() const {
  uint64_t memtables = 0;
  impl_->db->GetAggregatedIntProperty(rocksdb::DB::Properties::kSizeAllMemTables, &memtables);
  return memtables + impl_->cache->GetUsage();
}

}  // namespace auspex
