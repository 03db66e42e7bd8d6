// One request, or one record of the log, between its check and its taking.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sidecar/aggregate/pending_record.h"
#include "sidecar/aggregate/router.h"
#include "sidecar/aggregate/rule_state.h"
#include "sidecar/core/sample.h"
#include "sidecar/ingest/series_sink.h"

namespace auspex {

// A sample of a request that some rule has a use for.
struct StagedSample {
  SeriesIndex series = 0;
  bool needed = false;  // by an open step; else it is only late
  bool late = false;
  Sample sample;
};

// The samples of a request for one rule.
struct RuleShare {
  RuleState* rule = nullptr;  // null: none yet
  TimestampMs oldest_ms = 0;
  TimestampMs newest_ms = 0;

  void Add(RuleState& of, TimestampMs sample_ms) {
    if (rule == nullptr) *this = {.rule = &of, .oldest_ms = sample_ms, .newest_ms = sample_ms};
    oldest_ms = std::min(oldest_ms, sample_ms);
    newest_ms = std::max(newest_ms, sample_ms);
  }
};

// A request between its check and its taking. Its buffers are used again.
struct StagedRequest {
  std::vector<SeriesIndex> routes;  // of the request's series
  std::vector<StagedSample> samples;
  std::vector<Sample> of_series;  // those of the series at hand
  std::vector<RuleShare> shares;  // by RuleState::position
  std::vector<RuleMark> marks;
  std::vector<SeriesIndex> defined;  // in the record
  PendingRecordWriter record;
  TimestampMs keep_until_ms = 0;  // what the record must outlive
  uint64_t refused = 0;           // samples that a limit keeps out
  IngestOutcome outcome;

  void Begin(size_t rules) {
    samples.clear();
    shares.assign(rules, {});
    defined.clear();
    record.Begin();
    keep_until_ms = 0;
    refused = 0;
    outcome = {};
  }
};

}  // namespace auspex
