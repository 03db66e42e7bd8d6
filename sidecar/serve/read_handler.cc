#include "sidecar/serve/read_handler.h"

#include <string>
#include <utility>
#include <vector>

#include "sidecar/wire/read_codec.h"
#include "sidecar/wire/snappy_block.h"

namespace auspex {
namespace {

HttpResponse TextError(int code, const absl::Status& status) {
  HttpResponse response;
  response.status = code;
  response.body = std::string(status.message()) + "\n";
  return response;
}

HttpResponse SamplesResponse(const std::vector<ReadResult>& results) {
  HttpResponse response;
  response.content_type = std::string(kSamplesContentType);
  response.headers.emplace_back("Content-Encoding", "snappy");
  response.body = EncodeReadResponse(results);
  return response;
}

}  // namespace

HttpResponse ReadHandler::Handle(const HttpRequest& request) {
  const auto read = DecodeReadRequest(request.body, kDecompressedBytesMax);
  if (!read.ok()) {
    metrics_.read_failures.Increment();
    return TextError(400, read.status());
  }
  if (!read->accepts_samples) {
    metrics_.read_failures.Increment();
    return TextError(
        400, absl::InvalidArgumentError("accepted_response_types: only SAMPLES is offered"));
  }
  std::vector<ReadResult> results;
  const LabelSet upstream_labels = upstream_labels_();
  for (const ReadQuery& query : read->queries) {
    auto curves = reader_.Read(query.selector, upstream_labels, query.start_ms, query.end_ms);
    if (!curves.ok()) {
      metrics_.read_failures.Increment();
      logger_.Error("remote read failed", {{"error", curves.status()}});
      return TextError(500, curves.status());
    }
    metrics_.read_queries.Increment();
    if (curves->empty()) metrics_.read_empty.Increment();
    metrics_.read_series.Increment(static_cast<double>(curves->size()));
    for (const ReadSeries& series : *curves) {
      metrics_.read_samples.Increment(static_cast<double>(series.samples.size()));
    }
    results.push_back(*std::move(curves));
  }
  return SamplesResponse(results);
}

}  // namespace auspex
