#include "sidecar/wire/chunked_frames.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/prometheus/remote_read.pb.h"
#include "sidecar/wire/crc32c.h"
#include "sidecar/wire/label_message.h"
#include "sidecar/wire/xor_chunk.h"

namespace auspex {
namespace {

constexpr size_t kLengthBytesMax = 5;  // of a uvarint of 32 bits: frames are far smaller
constexpr size_t kChecksumBytes = 4;

// Reads a uvarint. Returns the number of its bytes, 0 if more input is needed, or -1 if malformed.
int ReadUvarint(std::string_view input, uint64_t* value) {
  *value = 0;
  for (size_t i = 0; i < kLengthBytesMax; ++i) {
    if (i == input.size()) return 0;
    const auto byte = static_cast<unsigned char>(input[i]);
    *value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) return static_cast<int>(i) + 1;
  }
  return -1;
}

uint32_t ReadBigEndian32(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < kChecksumBytes; ++i) {
    value = (value << 8) | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

bool IsHistogram(const prometheus::Chunk& chunk) {
  return chunk.type() == prometheus::Chunk::HISTOGRAM ||
         chunk.type() == prometheus::Chunk::FLOAT_HISTOGRAM;
}

absl::Status AppendChunk(const prometheus::Chunk& chunk, std::vector<Sample>* samples) {
  if (chunk.type() == prometheus::Chunk::XOR) return DecodeXorChunk(chunk.data(), samples);
  return absl::InvalidArgumentError(absl::StrCat("unknown chunk encoding ", int{chunk.type()}));
}

}  // namespace

ChunkedFrameParser::ChunkedFrameParser(FrameCallback on_frame, size_t frame_bytes_max)
    : on_frame_(std::move(on_frame)), frame_bytes_max_(frame_bytes_max) {}

absl::Status ChunkedFrameParser::Feed(std::string_view piece) {
  // Whole frames are read in place; only what is left over is kept.
  const bool had_pending = !pending_.empty();
  if (had_pending) pending_.append(piece);
  std::string_view input = had_pending ? std::string_view(pending_) : piece;
  while (true) {
    const absl::StatusOr<bool> taken = TakeFrame(&input);
    if (!taken.ok()) return taken.status();
    if (!*taken) break;
  }
  if (had_pending) {
    pending_.erase(0, pending_.size() - input.size());
  } else {
    pending_.assign(input);
  }
  return absl::OkStatus();
}

absl::Status ChunkedFrameParser::Finish() const {
  if (pending_.empty()) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("stream ends inside the frame at byte ", offset_, " of the answer"));
}

absl::StatusOr<bool> ChunkedFrameParser::TakeFrame(std::string_view* input) {
  uint64_t length = 0;
  const int length_bytes = ReadUvarint(*input, &length);
  if (length_bytes < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("frame at byte ", offset_, ": malformed length"));
  }
  if (length_bytes == 0) return false;
  if (length > frame_bytes_max_) {
    return absl::InvalidArgumentError(absl::StrCat("frame at byte ", offset_, ": ", length,
                                                   " bytes exceed the limit ", frame_bytes_max_));
  }
  const size_t header_bytes = static_cast<size_t>(length_bytes) + kChecksumBytes;
  if (input->size() < header_bytes + length) return false;
  const uint32_t checksum = ReadBigEndian32(input->substr(static_cast<size_t>(length_bytes)));
  const std::string_view payload = input->substr(header_bytes, length);
  if (Crc32c(payload) != checksum) {
    return absl::DataLossError(
        absl::StrCat("frame at byte ", offset_, ": CRC-32C does not match its ", length, " bytes"));
  }
  input->remove_prefix(header_bytes + length);
  offset_ += header_bytes + length;
  if (absl::Status status = on_frame_(payload); !status.ok()) return status;
  return true;
}

absl::StatusOr<ChunkedFrame> DecodeChunkedFrame(std::string_view payload) {
  prometheus::ChunkedReadResponse message;
  if (!message.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return absl::InvalidArgumentError("malformed protobuf: not a ChunkedReadResponse");
  }
  ChunkedFrame frame;
  frame.query_index = message.query_index();
  for (const prometheus::ChunkedSeries& chunked : message.chunked_series()) {
    ReadSeries& series = frame.series.emplace_back();
    series.labels = DecodeLabels(chunked.labels());
    for (const prometheus::Chunk& chunk : chunked.chunks()) {
      if (IsHistogram(chunk)) {
        ++frame.chunks_skipped;
      } else if (absl::Status s = AppendChunk(chunk, &series.samples); !s.ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat(series.labels.ToString(), ": ", std::string(s.message())));
      }
    }
  }
  return frame;
}

}  // namespace auspex
