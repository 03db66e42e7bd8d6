// The ingest log: accepted samples of steps that are still open, one row per request, so that what
// was acknowledged survives kill -9.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "sidecar/core/sample.h"
#include "sidecar/history/store.h"

namespace auspex {

// Thread-safe.
class PendingLog {
 public:
  // `store` must outlive the log.
  explicit PendingLog(Store& store);

  // Durable when it returns. Rows replay in the order they were appended.
  absl::Status Append(std::string_view record, TimestampMs newest_sample_ms);
  // Calls `replay` for every row kept, oldest first; stops at the first error.
  absl::Status Replay(const std::function<absl::Status(std::string_view)>& replay) const;
  // Drops the leading rows whose newest sample is before `t_ms`.
  absl::Status Trim(TimestampMs t_ms);
  size_t rows() const;

 private:
  // One row of the log that is still kept.
  struct Row {
    uint64_t sequence;
    TimestampMs newest_sample_ms;
  };

  Store& store_;
  mutable absl::Mutex mu_;
  uint64_t next_sequence_ ABSL_GUARDED_BY(mu_) = 0;
  std::deque<Row> rows_ ABSL_GUARDED_BY(mu_);  // oldest first
};

}  // namespace auspex
