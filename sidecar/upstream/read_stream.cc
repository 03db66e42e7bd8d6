#include "sidecar/upstream/read_stream.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace auspex {
namespace {

// Of a SAMPLES answer, which only servers without streaming give.
constexpr size_t kSamplesBytesMax = 512u << 20;

bool HasPrefix(std::string_view text, std::string_view prefix) {
  return absl::StartsWithIgnoreCase({text.data(), text.size()}, {prefix.data(), prefix.size()});
}

}  // namespace

ReadStream::ReadStream(TimestampMs start_ms, TimestampMs end_ms, SeriesVisitor visit)
    : start_ms_(start_ms),
      end_ms_(end_ms),
      visit_(std::move(visit)),
      frames_([this](std::string_view payload) { return TakeFrame(payload); }) {}

absl::Status ReadStream::Feed(std::string_view content_type, std::string_view piece) {
  if (HasPrefix(content_type, "application/x-streamed-protobuf")) return frames_.Feed(piece);
  if (!HasPrefix(content_type, kSamplesContentType)) {
    return absl::InvalidArgumentError(absl::StrCat("remote read answered with the content type \"",
                                                   std::string(content_type), "\""));
  }
  if (samples_body_.size() + piece.size() > kSamplesBytesMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat("remote read answered with more than ", kSamplesBytesMax, " bytes"));
  }
  samples_body_.append(piece);
  return absl::OkStatus();
}

absl::Status ReadStream::Finish() {
  if (samples_body_.empty()) {
    const absl::Status complete = frames_.Finish();
    return complete.ok() ? Flush() : complete;
  }
  absl::StatusOr<std::vector<ReadResult>> results =
      DecodeReadResponse(samples_body_, kSamplesBytesMax);
  if (!results.ok()) return results.status();
  samples_body_.clear();
  for (ReadResult& result : *results) {
    for (ReadSeries& series : result) {
      if (absl::Status status = TakeSeries(std::move(series)); !status.ok()) return status;
    }
  }
  return Flush();
}

absl::Status ReadStream::TakeFrame(std::string_view payload) {
  absl::StatusOr<ChunkedFrame> frame = DecodeChunkedFrame(payload);
  if (!frame.ok()) return frame.status();
  for (ReadSeries& series : frame->series) {
    if (absl::Status status = TakeSeries(std::move(series)); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ReadStream::TakeSeries(ReadSeries series) {
  if (current_ && current_->labels != series.labels) {
    if (absl::Status status = Flush(); !status.ok()) return status;
  }
  if (!current_) current_ = ReadSeries{std::move(series.labels), {}};
  for (const Sample& sample : series.samples) {
    if (sample.timestamp_ms < start_ms_ || sample.timestamp_ms > end_ms_) continue;
    // Chunks that overlap repeat samples; the first one stays, as on the live path.
    if (!current_->samples.empty() &&
        sample.timestamp_ms <= current_->samples.back().timestamp_ms) {
      continue;
    }
    current_->samples.push_back(sample);
  }
  return absl::OkStatus();
}

absl::Status ReadStream::Flush() {
  if (!current_) return absl::OkStatus();
  const ReadSeries series = *std::exchange(current_, std::nullopt);
  if (series.samples.empty()) return absl::OkStatus();
  samples_ += static_cast<int64_t>(series.samples.size());
  return visit_(series);
}

}  // namespace auspex
