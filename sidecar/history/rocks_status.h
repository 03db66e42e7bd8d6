// RocksDB's statuses as ours.
#pragma once

#include <rocksdb/status.h>

#include <string_view>

#include "absl/status/status.h"

namespace auspex {

// OK, NotFound, DataLoss for corruption, otherwise Unavailable; `what` says what was being done.
absl::Status FromRocks(const rocksdb::Status& status, std::string_view what);

}  // namespace auspex
