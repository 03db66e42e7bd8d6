#include "sidecar/upstream/frame_builder.h"

#include <cstdint>

#include "sidecar/wire/crc32c.h"
#include "sidecar/wire/xor_chunk_encoder.h"

namespace auspex {
namespace {

std::string Varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
  return out;
}

std::string NumberField(uint64_t field, int64_t value) {
  return Varint(field << 3) + Varint(static_cast<uint64_t>(value));
}

std::string BytesField(uint64_t field, const std::string& bytes) {
  return Varint(field << 3 | 2) + Varint(bytes.size()) + bytes;
}

}  // namespace

std::string BuildFrame(const LabelSet& labels, const std::vector<Sample>& samples) {
  constexpr int64_t kXor = 1;
  std::string series;
  for (const auto& [name, value] : labels.labels()) {
    series += BytesField(1, BytesField(1, name) + BytesField(2, value));
  }
  series += BytesField(2, NumberField(1, samples.front().timestamp_ms) +
                              NumberField(2, samples.back().timestamp_ms) + NumberField(3, kXor) +
                              BytesField(4, EncodeXorChunk(samples)));
  const std::string payload = BytesField(1, series);
  const uint32_t crc = Crc32c(payload);
  std::string frame = Varint(payload.size());
  for (int shift = 24; shift >= 0; shift -= 8) frame.push_back(static_cast<char>(crc >> shift));
  return frame + payload;
}

}  // namespace auspex
