#include "sidecar/wire/xor_chunk.h"

#include <bit>
#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"

namespace auspex {
namespace {

constexpr size_t kHeaderBytes = 2;

// Reads bits from the most significant on. Past the end it reads zeros and remembers.
class BitReader {
 public:
  explicit BitReader(std::string_view data) : data_(data) {}

  bool overrun() const { return overrun_; }

  bool Bit() { return Bits(1) != 0; }

  // 1 <= count <= 64.
  uint64_t Bits(int count) {
    uint64_t value = 0;
    while (count > 0) {
      if (byte_ == data_.size()) {
        overrun_ = true;
        return 0;
      }
      const int take = count < 8 - bit_ ? count : 8 - bit_;
      const auto byte = static_cast<unsigned char>(data_[byte_]);
      value = (value << take) | ((byte >> (8 - bit_ - take)) & ((1u << take) - 1));
      count -= take;
      bit_ += take;
      byte_ += static_cast<size_t>(bit_ / 8);
      bit_ %= 8;
    }
    return value;
  }

  // Go's encoding/binary: 7 bits a byte, the lowest first, at most 10 bytes.
  uint64_t Uvarint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      const uint64_t byte = Bits(8);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    overrun_ = true;
    return 0;
  }

  int64_t Varint() {
    const uint64_t n = Uvarint();
    return static_cast<int64_t>((n >> 1) ^ (~(n & 1) + 1));
  }

 private:
  std::string_view data_;
  size_t byte_ = 0;
  int bit_ = 0;
  bool overrun_ = false;
};

// `bits` as a signed number of `count` bits, whose range is (-2^(count-1), 2^(count-1)].
uint64_t ReadSigned(BitReader& reader, int count) {
  const uint64_t bits = reader.Bits(count);
  if (count < 64 && bits > (uint64_t{1} << (count - 1))) return bits - (uint64_t{1} << count);
  return bits;
}

// The change of the delta: a prefix code chooses how many bits hold it.
uint64_t ReadDeltaOfDelta(BitReader& reader) {
  static constexpr int kBits[] = {0, 14, 17, 20, 64};
  size_t prefix = 0;
  while (prefix < 4 && reader.Bit()) ++prefix;
  return prefix == 0 ? 0 : ReadSigned(reader, kBits[prefix]);
}

// Reads values as XOR with the one before, within a window of meaningful bits that is kept until
// the encoder sends another.
class ValueReader {
 public:
  explicit ValueReader(uint64_t first) : bits_(first) {}

  // False when the window is impossible.
  bool Next(BitReader& reader) {
    if (!reader.Bit()) return true;
    if (reader.Bit()) {
      const int leading = static_cast<int>(reader.Bits(5));
      int length = static_cast<int>(reader.Bits(6));
      if (length == 0) length = 64;
      if (leading + length > 64) return false;
      length_ = length;
      trailing_ = 64 - leading - length;
    }
    if (length_ == 0) return false;
    bits_ ^= reader.Bits(length_) << trailing_;
    return true;
  }

  double value() const { return std::bit_cast<double>(bits_); }

 private:
  uint64_t bits_;
  int length_ = 0;
  int trailing_ = 0;
};

absl::Status BadSample(size_t index, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("XOR chunk: sample ", index, " ", std::string(what)));
}

}  // namespace

absl::Status DecodeXorChunk(std::string_view data, std::vector<Sample>* samples) {
  if (data.size() < kHeaderBytes) {
    return absl::InvalidArgumentError("XOR chunk: shorter than its header");
  }
  BitReader reader(data);
  const uint64_t count = reader.Bits(16);
  // Timestamps wrap like Go's; no valid chunk does.
  uint64_t timestamp = 0;
  uint64_t delta = 0;
  ValueReader value(0);
  for (size_t i = 0; i < count; ++i) {
    if (i == 0) {
      timestamp = static_cast<uint64_t>(reader.Varint());
      value = ValueReader(reader.Bits(64));
    } else {
      delta = i == 1 ? reader.Uvarint() : delta + ReadDeltaOfDelta(reader);
      timestamp += delta;
      if (!value.Next(reader)) return BadSample(i, "has an impossible bit window");
    }
    if (reader.overrun()) return BadSample(i, "reaches beyond the chunk");
    samples->push_back({static_cast<TimestampMs>(timestamp), value.value()});
  }
  return absl::OkStatus();
}

}  // namespace auspex
