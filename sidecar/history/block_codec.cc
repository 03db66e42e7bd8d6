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

// Bits, most significant first.
class BitWriter {
 public:
  explicit BitWriter(std::string* out) : out_(out) {}

  void Write(uint64_t bits, int count) {
    for (int i = count - 1; i >= 0; --i) {
      if (used_ == 0) out_->push_back(0);
      out_->back() = static_cast<char>(static_cast<unsigned char>(out_->back()) |
                                       (bits >> i & 1) << (7 - used_));
      used_ = (used_ + 1) % 8;
    }
  }

 private:
  std::string* out_;
  int used_ = 0;  // bits of the last byte
};

class BitReader {
 public:
  explicit BitReader(std::string_view bytes) : bytes_(bytes) {}

  // Reads past the end as zeros; ok() then turns false.
  uint64_t Read(int count) {
    uint64_t bits = 0;
    for (int i = 0; i < count; ++i, ++position_) {
      const size_t byte = position_ / 8;
      if (byte >= bytes_.size()) {
        ok_ = false;
        return 0;
      }
      bits = bits << 1 | (static_cast<unsigned char>(bytes_[byte]) >> (7 - position_ % 8) & 1);
    }
    return bits;
  }

  bool ok() const { return ok_; }

 private:
  std::string_view bytes_;
  size_t position_ = 0;
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
  BitWriter writer(&out);
  uint64_t previous = 0;
  Window window;
  for (const double value : values) {
    if (IsMissing(value)) continue;
    const auto bits = std::bit_cast<uint64_t>(value);
    WriteXor(bits ^ previous, &window, writer);
    previous = bits;
  }
  return out;
}

absl::StatusOr<std::vector<double>> DecodeBlock(std::string_view bytes, size_t steps) {
  uint32_t count = 0;
  if (!DecodeNumber(&bytes, &count) || count != steps || bytes.size() < (steps + 7) / 8) {
    return absl::DataLossError(absl::StrCat("not a block of ", steps, " steps"));
  }
  BitReader presence(bytes);
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
  return values;
}

}  // namespace auspex
