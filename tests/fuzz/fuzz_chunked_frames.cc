// Streamed answers: the frames found do not depend on how the stream is cut, frames and XOR chunks
// of any bytes decode or fail cleanly, and decoded samples survive encoding. The first byte chooses
// the cut.
#include "sidecar/wire/chunked_frames.h"

#include <bit>
#include <vector>

#include "sidecar/wire/xor_chunk.h"
#include "sidecar/wire/xor_chunk_encoder.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

struct Parsed {
  absl::Status status;
  std::vector<std::string> frames;
};

Parsed Parse(std::string_view stream, size_t piece_bytes) {
  constexpr size_t kFrameBytesMax = 1 << 12;
  Parsed parsed;
  auspex::ChunkedFrameParser parser(
      [&](std::string_view payload) {
        parsed.frames.emplace_back(payload);
        return absl::OkStatus();
      },
      kFrameBytesMax);
  for (; !stream.empty() && parsed.status.ok();
       stream.remove_prefix(std::min(piece_bytes, stream.size()))) {
    parsed.status = parser.Feed(stream.substr(0, piece_bytes));
  }
  if (parsed.status.ok()) parsed.status = parser.Finish();
  return parsed;
}

void TryStream(std::string_view stream, size_t piece_bytes) {
  const Parsed whole = Parse(stream, stream.size());
  const Parsed cut = Parse(stream, piece_bytes);
  auspex::Require(whole.status == cut.status && whole.frames == cut.frames,
                  "the cut of the stream does not matter");
  for (const std::string& frame : whole.frames) (void)auspex::DecodeChunkedFrame(frame);
}

void TryChunk(std::string_view data) {
  std::vector<auspex::Sample> samples;
  if (!auspex::DecodeXorChunk(data, &samples).ok()) return;
  std::vector<auspex::Sample> again;
  auspex::Require(auspex::DecodeXorChunk(auspex::EncodeXorChunk(samples), &again).ok() &&
                      again.size() == samples.size(),
                  "a chunk keeps its samples");
  for (size_t i = 0; i < samples.size(); ++i) {
    auspex::Require(
        samples[i].timestamp_ms == again[i].timestamp_ms &&
            std::bit_cast<uint64_t>(samples[i].value) == std::bit_cast<uint64_t>(again[i].value),
        "a sample round-trips");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view input = auspex::Input(data + 1, size - 1);
  TryStream(input, size_t{data[0]} % 64 + 1);
  (void)auspex::DecodeChunkedFrame(input);
  TryChunk(input);
  return 0;
}
