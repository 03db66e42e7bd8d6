// POST /api/v1/write: remote write 1.0 and 2.0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "sidecar/base/clock.h"
#include "sidecar/base/log.h"
#include "sidecar/core/series_hash.h"
#include "sidecar/ingest/series_intake.h"
#include "sidecar/ingest/series_sink.h"
#include "sidecar/net/http_handler.h"
#include "sidecar/wire/snappy_block.h"
#include "sidecar/wire/write_request_decoder.h"

namespace prometheus {
class Registry;
}

namespace auspex {

struct IngestMetrics;

struct WriteHandlerOptions {
  // The messages taken; others are answered 415.
  bool accept_v1 = true;
  bool accept_v2 = true;
  // A body of more bytes is answered 413; one that decompresses to more, 400. Prometheus sends far
  // below 1 MiB.
  size_t compressed_bytes_max = 32u << 20;
  size_t decompressed_bytes_max = kDecompressedBytesMax;
  // A request with more items is answered 400; a series with more labels is skipped.
  WriteRequestLimits request;
  SeriesRules series;
  // Told to senders when the sink cannot take a request.
  int retry_after_seconds = 5;
};

// Answers:
//   204  everything taken, or ignored for a good reason (no rule wants it, too old, duplicate, our
//        own output, exemplars, native histograms)
//   400  the body is malformed or over a limit, and nothing was taken; or some series, samples or
//        histograms were bad, one line each, and the others were taken
//   413, 415  too large; another media type, message or encoding
//   500, 503 with Retry-After  the sink failed, and nothing was taken: senders repeat the request.
//        Never 429, on which Prometheus drops samples.
// Answers to 2.0 carry the numbers written; what was ignored for a good reason counts as written.
//
// Thread-safe.
class WriteHandler {
 public:
  // Everything passed by reference must outlive the handler.
  WriteHandler(SeriesSink& sink, WriteHandlerOptions options, const Clock& clock, Logger logger,
               prometheus::Registry& registry);
  ~WriteHandler();

  HttpResponse Handle(const HttpRequest& request);

 private:
  // Buffers of one request, used again.
  struct Scratch;

  // What a 2.0 answer says was taken.
  struct Written {
    int64_t samples = 0;
    int64_t histograms = 0;
    int64_t exemplars = 0;
  };

  bool Accepts(WriteProtocol protocol) const;
  HttpResponse Process(WriteProtocol protocol, std::string_view body, Scratch& scratch,
                       Written* written);
  HttpResponse Store(SeriesIntake& intake, Written* written);
  HttpResponse Refuse(int status, std::string_view reason);
  HttpResponse SinkFailed(const absl::Status& status);

  std::unique_ptr<Scratch> TakeScratch();
  void GiveBack(std::unique_ptr<Scratch> scratch);

  SeriesSink& sink_;
  const WriteHandlerOptions options_;
  const Clock& clock_;
  const Logger logger_;
  const std::unique_ptr<IngestMetrics> metrics_;
  const SeriesHasher hasher_;

  absl::Mutex mutex_;
  // Not more than requests have ever been handled at once.
  std::vector<std::unique_ptr<Scratch>> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace auspex
