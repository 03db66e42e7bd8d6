#include "sidecar/wire/snappy_block.h"

#include <snappy.h>

#include "absl/strings/str_cat.h"

namespace auspex {
namespace {

// The densest element of the format is a copy of 64 bytes in 3 (snappy's format_description.txt),
// so a block that claims to grow more lies about its size.
constexpr size_t kGrowthMax = 22;

absl::Status CorruptInput() { return absl::InvalidArgumentError("snappy: corrupt input"); }

}  // namespace

absl::Status SnappyUncompress(std::string_view compressed, size_t bytes_max, std::string* out) {
  size_t size = 0;
  if (!snappy::GetUncompressedLength(compressed.data(), compressed.size(), &size)) {
    return CorruptInput();
  }
  if (size > bytes_max) {
    return absl::InvalidArgumentError(
        absl::StrCat("snappy: decompressed size ", size, " exceeds limit ", bytes_max));
  }
  if (size / kGrowthMax > compressed.size()) return CorruptInput();
  out->resize(size);
  if (!snappy::RawUncompress(compressed.data(), compressed.size(), out->data())) {
    return CorruptInput();
  }
  return absl::OkStatus();
}

std::string SnappyCompress(std::string_view plain) {
  std::string compressed;
  snappy::Compress(plain.data(), plain.size(), &compressed);
  return compressed;
}

}  // namespace auspex
