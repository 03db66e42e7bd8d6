#include "sidecar/history/block_codec.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sidecar/core/label_codec.h"
#include "sidecar/core/sample.h"

namespace auspex {
namespace {

uint64_t LowBits(uint64_t bits, int count) {
  return count == 64 ? bits : bits & ((uint64_t{1} << count) - 1);
}

// Bits, most significant first, collected in a word. Call Finish at the end.
class BitWriter {
 public:
  explicit BitWriter(std::string* out) : out_(out) {}

  // REQUIRES: 1 <= count <= 64, bits < 2^count.
  void Write(uint64_t bits, int count) {
    if (count > free_) {
      count -= free_;
      word_ |= bits >> count;
      AppendWord(8);
      word_ = 0;
      free_ = 64;
      bits = LowBits(bits, count);
    }
    free_ -= count;
    word_ |= bits << free_;
    if (free_ > 0) return;
    AppendWord(8);
    word_ = 0;
    free_ = 64;
  }

  // Pads the last byte with zeros.
  void Finish() { AppendWord((64 - free_ + 7) / 8); }

 private:
  void AppendWord(int bytes) {
    char text[8];
    for (int i = 0; i < 8; ++i) text[i] = static_cast<char>(word_ >> (56 - 8 * i));
    out_->append(text, static_cast<size_t>(bytes));
  }

  std::string* out_;
  uint64_t word_ = 0;
  int free_ = 64;  // low bits of the word that are not used yet; never 0
};

class BitReader {
 public:
  explicit BitReader(std::string_view bytes)
      : next_(reinterpret_cast<const unsigned char*>(bytes.data())), end_(next_ + bytes.size()) {}

  // REQUIRES: 1 <= count <= 64. Gives 0 past the end; ok() is then false.
  uint64_t Read(int count) {
    if (count <= kAtOnceMax) return ReadAtOnce(count);
    const uint64_t high = ReadAtOnce(count - 32);
    return high << 32 | ReadAtOnce(32);
  }

  bool ok() const { return ok_; }
  // Whether only the padding of the last byte is left.
  bool AtEnd() const { return next_ == end_ && held_ < 8; }

 private:
  static constexpr int kAtOnceMax = 56;  // one more byte always fits into the word

  uint64_t ReadAtOnce(int count) {
    for (; held_ < count; held_ += 8) {
      if (next_ == end_) {
        ok_ = false;
        return 0;
      }
      word_ = word_ << 8 | *next_++;
    }
    held_ -= count;
    return LowBits(word_ >> held_, count);
  }

  const unsigned char* next_;
  const unsigned char* end_;
  uint64_t word_ = 0;  // its low `held_` bits come next
  int held_ = 0;
  bool ok_ = true;
};

// The significant bits of an XOR: `leading` zeros, `length` bits, zeros.
struct Window {
  int leading = 0;
  int length = 0;
  int trailing() const { return 64 - leading - length; }
};

constexpr int kWindowBits = 6;  // 0..63 leading zeros; 1..64 significant bits, stored less one

void WriteXor(uint64_t bits, Window* window, BitWriter& writer) {
  if (bits == 0) return writer.Write(0, 1);
  writer.Write(1, 1);
  const int leading = std::countl_zero(bits);
  const int trailing = std::countr_zero(bits);
  if (window->length > 0 && leading >= window->leading && trailing >= window->trailing()) {
    writer.Write(0, 1);
  } else {
    *window = {leading, 64 - leading - trailing};
    writer.Write(1, 1);
    writer.Write(static_cast<uint64_t>(window->leading), kWindowBits);
    writer.Write(static_cast<uint64_t>(window->length - 1), kWindowBits);
  }
  writer.Write(bits >> window->trailing(), window->length);
}

// False when the window is impossible.
bool ReadXor(BitReader& reader, Window* window, uint64_t* bits) {
  *bits = 0;
  if (reader.Read(1) == 0) return true;
  if (reader.Read(1) == 1) {
    window->leading = static_cast<int>(reader.Read(kWindowBits));
    window->length = static_cast<int>(reader.Read(kWindowBits)) + 1;
  }
  if (window->length == 0 || window->trailing() < 0) return false;
  *bits = reader.Read(window->length) << window->trailing();
  return true;
}

}  // namespace

std::string EncodeBlock(std::span<const double> values) {
  std::string out;
  EncodeNumber(static_cast<uint32_t>(values.size()), &out);
  BitWriter presence(&out);
  for (const double value : values) presence.Write(IsMissing(value) ? 0 : 1, 1);
  presence.Finish();
  BitWriter writer(&out);
  uint64_t previous = 0;
  Window window;
  for (const double value : values) {
    if (IsMissing(value)) continue;
    const auto bits = std::bit_cast<uint64_t>(value);
    WriteXor(bits ^ previous, &window, writer);
    previous = bits;
  }
  writer.Finish();
  return out;
}

absl::StatusOr<std::vector<double>> DecodeBlock(std::string_view bytes, size_t steps) {
  uint32_t count = 0;
  if (!DecodeNumber(&bytes, &count) || count != steps || bytes.size() < (steps + 7) / 8) {
    return absl::DataLossError(absl::StrCat("not a block of ", steps, " steps"));
  }
  BitReader presence(bytes.substr(0, (steps + 7) / 8));
  BitReader reader(bytes.substr((steps + 7) / 8));
  std::vector<double> values(steps, Missing());
  uint64_t previous = 0;
  Window window;
  for (double& value : values) {
    if (presence.Read(1) == 0) continue;
    uint64_t bits = 0;
    if (!ReadXor(reader, &window, &bits)) return absl::DataLossError("a block with broken bits");
    previous ^= bits;
    value = std::bit_cast<double>(previous);
  }
  if (!reader.ok()) return absl::DataLossError("a block that ends too early");
  if (!reader.AtEnd()) return absl::DataLossError("a block with bytes behind its end");
  return values;
}

}  // namespace auspex
