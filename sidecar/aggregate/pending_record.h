// One record of the pending log: the wanted samples of one request, with what a restart needs to go
// on closing steps.
//
//   record  = version(1 byte) count(varint) mark* series*          series until the end
//   mark    = rule(8 bytes) next_ms(signed) seen_from_ms(signed)
//   series  = labels(varint) text*2*labels samples(varint) sample*
//   text    = index(varint), of the texts in order of first use; a new text has the next index
//             and is followed by length(varint) and bytes
//   sample  = time(signed), since the sample before it in the record; value(8 bytes)
//
// varint is protobuf's, signed is its zigzag varint, fixed fields are little-endian.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "sidecar/aggregate/rule_progress.h"
#include "sidecar/ingest/series_sink.h"

namespace auspex {

// Where a rule stood when the record was written.
struct RuleMark {
  uint64_t rule = 0;  // RuleState::id
  RuleProgress::Mark progress;
  bool operator==(const RuleMark&) const = default;
};

// Not thread-safe.
class PendingRecordWriter {
 public:
  // The texts that `labels` views must stay valid until Finish.
  void AddSeries(std::span<const LabelView> labels, std::span<const Sample> samples);
  bool empty() const { return body_.empty(); }
  // The record. REQUIRES: called once.
  std::string Finish(std::span<const RuleMark> marks) const;

 private:
  void AddText(std::string_view text);

  std::string body_;
  absl::flat_hash_map<std::string_view, uint64_t> texts_;
  TimestampMs previous_ms_ = 0;
};

// Calls `on_mark` for every mark, then `on_series` for every series, whose views are valid during
// the call. DataLoss when the bytes are not a record; what came before the damage was visited.
absl::Status ReadPendingRecord(std::string_view record,
                               const std::function<void(const RuleMark&)>& on_mark,
                               const std::function<void(const SeriesView&)>& on_series);

}  // namespace auspex
