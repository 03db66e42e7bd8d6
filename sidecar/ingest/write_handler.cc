#include "sidecar/ingest/write_handler.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sidecar/ingest/content_negotiation.h"
#include "sidecar/ingest/ingest_metrics.h"

namespace auspex {
namespace {

// Buffers that a larger request has left are freed rather than kept.
constexpr size_t kBodyBytesKept = 1u << 20;

std::string_view Message(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

}  // namespace

struct WriteHandler::Scratch {
  Scratch(const WriteHandlerOptions& options, const SeriesHasher& hasher)
      : intake(options.series, hasher, options.request) {}

  std::string body;
  SeriesIntake intake;
};

WriteHandler::WriteHandler(SeriesSink& sink, WriteHandlerOptions options, const Clock& clock,
                           Logger logger, prometheus::Registry& registry)
    : sink_(sink),
      options_(std::move(options)),
      clock_(clock),
      logger_(std::move(logger)),
      metrics_(std::make_unique<IngestMetrics>(registry)) {}

WriteHandler::~WriteHandler() = default;

HttpResponse WriteHandler::Handle(const HttpRequest& request) {
  metrics_->compressed_bytes.Increment(static_cast<double>(request.body.size()));
  const absl::StatusOr<WriteProtocol> protocol =
      NegotiateWrite(request.Header("Content-Type"), request.Header("Content-Encoding"));
  if (!protocol.ok()) return Refuse(415, Message(protocol.status()));
  if (!Accepts(*protocol)) {
    return Refuse(415, absl::StrCat("remote write ", std::string(WriteProtocolName(*protocol)),
                                    " is not accepted here"));
  }
  const bool is_v1 = *protocol == WriteProtocol::kV1;
  (is_v1 ? metrics_->requests_v1 : metrics_->requests_v2).Increment();

  std::unique_ptr<Scratch> scratch = TakeScratch();
  Written written;
  HttpResponse response = Process(*protocol, request.body, *scratch, &written);
  GiveBack(std::move(scratch));
  if (!is_v1) {
    response.headers.emplace_back(kSamplesWrittenHeader, std::to_string(written.samples));
    response.headers.emplace_back(kHistogramsWrittenHeader, std::to_string(written.histograms));
    response.headers.emplace_back(kExemplarsWrittenHeader, std::to_string(written.exemplars));
  }
  return response;
}

bool WriteHandler::Accepts(WriteProtocol protocol) const {
  return protocol == WriteProtocol::kV1 ? options_.accept_v1 : options_.accept_v2;
}

HttpResponse WriteHandler::Process(WriteProtocol protocol, std::string_view body, Scratch& scratch,
                                   Written* written) {
  if (body.size() > options_.compressed_bytes_max) {
    return Refuse(413, absl::StrCat("request body of ", body.size(), " bytes exceeds limit ",
                                    options_.compressed_bytes_max));
  }
  absl::Status status = SnappyUncompress(body, options_.decompressed_bytes_max, &scratch.body);
  if (!status.ok()) return Refuse(400, Message(status));
  metrics_->decompressed_bytes.Increment(static_cast<double>(scratch.body.size()));

  status = scratch.intake.Read(protocol, scratch.body, clock_.NowMs());
  if (!status.ok()) return Refuse(400, Message(status));
  return Store(scratch.intake, written);
}

HttpResponse WriteHandler::Store(SeriesIntake& intake, Written* written) {
  IngestOutcome outcome;
  if (!intake.series().empty()) {
    const absl::Status status = sink_.Write(intake, &outcome);
    if (!intake.malformed().ok()) return Refuse(400, Message(intake.malformed()));
    if (!status.ok()) return SinkFailed(status);
  }
  const IntakeCounts& counts = intake.counts();
  metrics_->Count(counts, outcome);
  *written = {.samples = counts.samples + counts.samples_own_output - outcome.out_of_bounds,
              .histograms = counts.histograms,
              .exemplars = counts.exemplars};
  if (outcome.out_of_bounds > 0) {
    intake.report().AddLine(absl::StrCat(outcome.out_of_bounds, " samples out of bounds"));
  }
  if (intake.report().empty()) return {.status = 204};
  HttpResponse response = {.status = 400, .body = intake.report().Text()};
  logger_.Debug("write request partly refused", {{"reason", response.body}});
  return response;
}

HttpResponse WriteHandler::Refuse(int status, std::string_view reason) {
  metrics_->requests_refused.Increment();
  logger_.Debug("write request refused", {{"status", status}, {"reason", reason}});
  return {.status = status, .body = std::string(reason)};
}

HttpResponse WriteHandler::SinkFailed(const absl::Status& status) {
  metrics_->requests_failed.Increment();
  logger_.Warn("write request could not be stored", {{"error", status}});
  const bool is_overload = absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
  return {.status = is_overload ? 503 : 500,
          .body = std::string(Message(status)),
          .headers = {{"Retry-After", std::to_string(options_.retry_after_seconds)}}};
}

std::unique_ptr<WriteHandler::Scratch> WriteHandler::TakeScratch() {
  {
    absl::MutexLock lock(&mutex_);
    if (!idle_.empty()) {
      std::unique_ptr<Scratch> scratch = std::move(idle_.back());
      idle_.pop_back();
      return scratch;
    }
  }
  return std::make_unique<Scratch>(options_, hasher_);
}

void WriteHandler::GiveBack(std::unique_ptr<Scratch> scratch) {
  if (scratch->body.capacity() > kBodyBytesKept) return;
  absl::MutexLock lock(&mutex_);
  idle_.push_back(std::move(scratch));
}

}  // namespace auspex
