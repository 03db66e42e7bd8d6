// Fills the history of a rule from the upstream: at the first start, after an outage, for repairs.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "sidecar/base/log.h"
#include "sidecar/core/aggregation_rule.h"
#include "sidecar/history/history.h"
#include "sidecar/upstream/prometheus_api.h"

namespace auspex {

struct BackfillOptions {
  // For what is being folded; the frame or answer being read comes on top.
  size_t memory_bytes_max = 64u << 20;
};

struct BackfillJob {
  RuleId rule{};
  // What to fold. With a query only its name and step are read.
  AggregationRule aggregation;
  std::string query;  // PromQL; empty for selector rules
  // How to fold: the dialect of the upstream, so that values equal the live ones.
  PromqlDialect dialect = PromqlDialect::kV3;
  // REQUIRES: ends are step boundaries, the last one in the past by as much as samples may be late.
  StepRange range;
  size_t aggregates_max = 10'000;  // further ones are left out, counted and logged
  bool replace_closed = false;     // read all of the range again, not only what was never closed
};

struct BackfillProgress {
  double fraction = 0;  // of the steps asked for, 0..1
  int64_t samples = 0;  // read so far: raw samples, or points of query_range
};

// Selector rules: raw samples by remote read, folded by the same code as live samples. Query rules,
// and selector rules of an upstream that has no remote read: query_range of the PromQL. The range
// is read in pieces, newest first, each of which is written before the next is asked for: what was
// interrupted goes on where it stopped, because only the history's gaps are asked. Steps for which
// the upstream has nothing are closed without values, so that nobody asks for them again.
//
// No lock is held over a request: while it answers us, the upstream may itself ask us by
// remote read. Not thread-safe: one per thread.
class Backfill {
 public:
  using ProgressCallback = std::function<void(const BackfillProgress&)>;

  // `api`, `history` and `registry` must outlive it; `api` is used by nobody else meanwhile.
  Backfill(BackfillOptions options, PrometheusApi& api, History& history, Logger logger,
           prometheus::Registry& registry);
  ~Backfill();

  // Returns when the range has no gap any more, or with the first error of the upstream or the
  // history; what was written until then stays. `on_progress` is called after each piece.
  absl::Status Fill(const BackfillJob& job, const std::atomic<bool>& cancel,
                    const ProgressCallback& on_progress = nullptr);

 private:
  class Run;

  const BackfillOptions options_;
  PrometheusApi& api_;
  History& history_;
  const Logger logger_;
  std::unique_ptr<UpstreamMetrics> metrics_;
};

}  // namespace auspex
