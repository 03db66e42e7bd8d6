// One record of the pending log: the wanted samples of one request, with what a restart needs to go
// on closing steps.
//
//   record  = version(1 byte) count(varint) mark* item*            items until the end
//   mark    = rule(8 bytes) next_ms(signed) seen_from_ms(signed)
//   item    = kind + 4 * zigzag(series number - that of the item before)(varint), then
//             kind 0: sample
//             kind 1: count(varint) sample*count
//             kind 2: labels(varint) text*2*labels                 what the number means from now
//             on
//   text    = index(varint), of the texts in order of first use; a new text has the next index
//             and is followed by length(varint) and bytes
//   sample  = time(signed), since the sample before it in the record; value(8 bytes)
//
// varint is protobuf's, signed is its zigzag varint, fixed fields are little-endian. A number is
// defined in this record or in one before it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "sidecar/aggregate/rule_progress.h"
#include "sidecar/core/label_view.h"

namespace auspex {

// Where a rule stood when the record was written.
struct RuleMark {
  uint64_t rule = 0;  // RuleState::id
  RuleProgress::Mark progress;
  bool operator==(const RuleMark&) const = default;
};

// Used again and again: its buffers are kept. Not thread-safe.
class PendingRecordWriter {
 public:
  // Forgets everything and starts a record.
  void Begin();
  // Gives a number its meaning. The texts must stay valid until Finish.
  void Define(uint32_t series, std::span<const LabelView> labels);
  // REQUIRES: samples are not empty.
  void AddSamples(uint32_t series, std::span<const Sample> samples);
  bool empty() const { return body_.empty(); }
  // The record, valid until the next call. REQUIRES: called once.
  std::string_view Finish(std::span<const RuleMark> marks);

 private:
  void AddHead(uint32_t series, uint32_t kind);
  void AddText(std::string_view text);

  std::string body_;
  std::string record_;
  absl::flat_hash_map<std::string_view, uint64_t> texts_;
  uint32_t previous_series_ = 0;
  TimestampMs previous_ms_ = 0;
};

// Called with what a record holds, in its order; views are valid during the call.
struct PendingRecordVisitor {
  std::function<void(const RuleMark&)> on_mark;
  std::function<void(uint32_t series, std::span<const LabelView> labels)> on_definition;
  std::function<void(uint32_t series, std::span<const Sample> samples)> on_samples;
};

// DataLoss when the bytes are not a record; what came before the damage was visited.
absl::Status ReadPendingRecord(std::string_view record, const PendingRecordVisitor& visitor);

}  // namespace auspex
