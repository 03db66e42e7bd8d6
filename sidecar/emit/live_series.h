// Which series of ours are alive in the receivers, so that each can be ended when it should.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "sidecar/core/sample.h"
#include "sidecar/emit/label_symbols.h"
#include "sidecar/wire/write_request_encoder.h"

namespace auspex {

// The live output series of one rule. A series that was emitted before and is not emitted now
// (its period or reason label changed, its aggregate ended) gets a staleness marker at the very
// timestamp at which its successor begins, so that a query never sees both or, for five minutes,
// the old one (verified against Prometheus 2.42 and 3.5). Not thread-safe.
class LiveSeries {
 public:
  // An emission: Begin, Add for all series of the rule, in parts of any size, and End, which gives
  // the markers that are to follow the samples. The samples and the markers are stamped with what
  // Begin answers: `now_ms`, or one millisecond after the last emission if the clock went back,
  // because a series must never see the same timestamp twice.
  TimestampMs Begin(TimestampMs now_ms);
  void Add(std::span<const LabeledSample> samples);
  std::vector<LabeledSample> End();
  // All of it for an emission that is at hand as a whole: its samples, stamped, then the markers.
  std::vector<LabeledSample> Advance(std::vector<LabeledSample> samples, TimestampMs now_ms);

  // Whether the set changed since the last Serialize: only then it must be made durable again.
  bool changed() const { return changed_; }
  size_t size() const { return live_.size(); }

  // The set as bytes, and back. After a restart, series of the earlier process that are not
  // emitted any more are ended by the first Advance. DataLoss for foreign bytes.
  std::string Serialize();
  absl::Status Restore(std::string_view bytes);

 private:
  void ForgetUnusedSymbols();

  LabelSymbols symbols_;
  size_t symbols_used_ = 0;  // when the unused ones were last forgotten
  absl::flat_hash_set<SeriesSymbols> live_;
  absl::flat_hash_set<SeriesSymbols> emitted_;  // of the emission that has begun
  TimestampMs last_ms_ = 0;
  bool changed_ = false;
};

}  // namespace auspex
