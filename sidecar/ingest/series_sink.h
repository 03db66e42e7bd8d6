// Where decoded samples go: ingest pushes, whoever owns the next stage implements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sidecar/core/label_view.h"
#include "sidecar/core/sample.h"
#include "sidecar/core/series_hash.h"

namespace auspex {

// One series of a request. The same series may occur many times in one request, and one series may
// have several keys, but a key has one series.
struct KeyedSeries {
  SeriesHash key;
  // The position in SeriesBatch::samples() of those of this series, in the order sent.
  uint32_t first_sample = 0;
  uint32_t sample_count = 0;
};

// The labels of a series, when a sink has to know them.
struct SeriesLabels {
  enum class Use {
    kTake,
    kOwnOutput,  // what we emit ourselves: not to be taken; true of every series with this key
    kBad,        // not fit to be taken
  };
  Use use = Use::kBad;
  // Of kTake. As sent: any order, possibly with empty values, but names are non-empty and unique,
  // text is valid UTF-8, and a metric name is present. Valid until the next call, the texts as long
  // as the batch.
  std::span<const LabelView> labels;
};

// The series of one request. A sink knows nearly all of them by their keys, and reading labels
// costs more than everything else: so they are read only when the sink asks. Not thread-safe.
class SeriesBatch {
 public:
  virtual ~SeriesBatch() = default;

  virtual std::span<const KeyedSeries> series() const = 0;
  virtual std::span<const Sample> samples() const = 0;

  // Reads the labels of series()[i]. The call may replace series() and samples(): of a series that
  // is not what it seemed to be the key and the samples, and of a bad one the samples, which become
  // none. InvalidArgument when the request is malformed: then nothing of it may be taken.
  virtual absl::StatusOr<SeriesLabels> ReadLabels(size_t i) = 0;
};

// What became of a request's samples.
struct IngestOutcome {
  int64_t accepted = 0;       // samples that a rule wants and that were taken
  int64_t ignored = 0;        // samples that no rule wants
  int64_t own_output = 0;     // samples of what we emit ourselves
  int64_t too_old = 0;        // older than every open step (repaired later from the upstream)
  int64_t out_of_bounds = 0;  // too far in the future, or not a representable time
  int64_t duplicate = 0;      // same timestamp again; the first value stays
};

// Thread-safe.
class SeriesSink {
 public:
  virtual ~SeriesSink() = default;
  // Takes all series of one request; returns once what was accepted will survive a crash of this
  // process. Unavailable or ResourceExhausted mean "nothing was taken, send again"; an error of
  // ReadLabels is passed on.
  virtual absl::Status Write(SeriesBatch& batch, IngestOutcome* outcome) = 0;
};

}  // namespace auspex
