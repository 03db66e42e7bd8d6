// Where decoded samples go: ingest pushes, whoever owns the next stage implements.
#pragma once

#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "sidecar/core/label_view.h"
#include "sidecar/core/sample.h"

namespace auspex {

// One series of a request, borrowed from its body; valid during the call only. Labels as sent: any
// order, possibly with empty values, but names are non-empty and unique, text is valid UTF-8, and a
// metric name is present. Samples in the order sent; the same series may occur many times in one
// request.
struct SeriesView {
  std::span<const LabelView> labels;
  std::span<const Sample> samples;
};

// What became of a request's samples.
struct IngestOutcome {
  int64_t accepted = 0;       // samples that a rule wants and that were taken
  int64_t ignored = 0;        // samples that no rule wants
  int64_t too_old = 0;        // older than every open step (repaired later from the upstream)
  int64_t out_of_bounds = 0;  // too far in the future, or not a representable time
  int64_t duplicate = 0;      // same timestamp again; the first value stays
};

// Thread-safe.
class SeriesSink {
 public:
  virtual ~SeriesSink() = default;
  // Takes all series of one request; returns once what was accepted will survive a crash of this
  // process. Unavailable or ResourceExhausted mean "nothing was taken, send again".
  virtual absl::Status Write(std::span<const SeriesView> series, IngestOutcome* outcome) = 0;
};

}  // namespace auspex
