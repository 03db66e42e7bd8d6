#include "sidecar/wire/xor_chunk_encoder.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace auspex {
namespace {

class BitWriter {
 public:
  void Bits(uint64_t value, int count) {
    for (int i = count - 1; i >= 0; --i) {
      if (used_ == 0) bytes_.push_back(0);
      if ((value >> i) & 1) bytes_.back() = static_cast<char>(bytes_.back() | (0x80 >> used_));
      used_ = (used_ + 1) % 8;
    }
  }

  void Uvarint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) Bits((value & 0x7f) | 0x80, 8);
    Bits(value, 8);
  }

  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
  int used_ = 0;  // bits of the last byte, 0 when it is full
};

// Wraps, as the decoder does, for the timestamps that a fuzzer finds.
int64_t Difference(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

void WriteDeltaOfDelta(int64_t dod, BitWriter& out) {
  static constexpr struct {
    int bits;
    uint64_t prefix;
    int prefix_bits;
  } kForms[] = {{14, 0b10, 2}, {17, 0b110, 3}, {20, 0b1110, 4}};
  if (dod == 0) return out.Bits(0, 1);
  for (const auto& form : kForms) {
    const int64_t half = int64_t{1} << (form.bits - 1);
    if (-half < dod && dod <= half) {
      out.Bits(form.prefix, form.prefix_bits);
      return out.Bits(static_cast<uint64_t>(dod), form.bits);
    }
  }
  out.Bits(0b1111, 4);
  out.Bits(static_cast<uint64_t>(dod), 64);
}

// The window of meaningful bits that the value before has set.
struct Window {
  int leading = -1;
  int trailing = 0;
};

void WriteValue(uint64_t xored, Window* window, BitWriter& out) {
  if (xored == 0) return out.Bits(0, 1);
  const int leading = std::min(std::countl_zero(xored), 31);
  const int trailing = std::countr_zero(xored);
  if (window->leading >= 0 && leading >= window->leading && trailing >= window->trailing) {
    out.Bits(0b10, 2);
  } else {
    *window = {leading, trailing};
    out.Bits(0b11, 2);
    out.Bits(static_cast<uint64_t>(leading), 5);
    out.Bits(static_cast<uint64_t>(64 - leading - trailing) % 64, 6);
  }
  out.Bits(xored >> window->trailing, 64 - window->leading - window->trailing);
}

}  // namespace

std::string EncodeXorChunk(std::span<const Sample> samples) {
  BitWriter out;
  out.Bits(samples.size(), 16);
  Window window;
  int64_t delta = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    const TimestampMs timestamp = samples[i].timestamp_ms;
    const auto bits = std::bit_cast<uint64_t>(samples[i].value);
    if (i == 0) {
      out.Uvarint((static_cast<uint64_t>(timestamp) << 1) ^ static_cast<uint64_t>(timestamp >> 63));
      out.Bits(bits, 64);
      continue;
    }
    const int64_t next_delta = Difference(timestamp, samples[i - 1].timestamp_ms);
    if (i == 1) {
      out.Uvarint(static_cast<uint64_t>(next_delta));
    } else {
      WriteDeltaOfDelta(Difference(next_delta, delta), out);
    }
    delta = next_delta;
    WriteValue(bits ^ std::bit_cast<uint64_t>(samples[i - 1].value), &window, out);
  }
  return out.Take();
}

}  // namespace auspex
