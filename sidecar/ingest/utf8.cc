#include "sidecar/ingest/utf8.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace auspex {
namespace {

using Byte = unsigned char;

bool IsContinuation(Byte byte) { return (byte & 0xc0) == 0x80; }

size_t AsciiPrefix(const Byte* text, size_t size) {
  size_t i = 0;
  for (; i + sizeof(uint64_t) <= size; i += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, text + i, sizeof(word));
    if ((word & 0x8080808080808080u) != 0) break;
  }
  while (i < size && text[i] < 0x80) ++i;
  return i;
}

// The bytes of the character that begins here, 0 when it is none. The table is RFC 3629 section 4:
// the lead byte restricts the range of the second one.
size_t CharacterLength(const Byte* text, size_t size) {
  const Byte lead = text[0];
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (length > size) return 0;
  const Byte second_min = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const Byte second_max = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (text[1] < second_min || text[1] > second_max) return 0;
  for (size_t i = 2; i < length; ++i) {
    if (!IsContinuation(text[i])) return 0;
  }
  return length;
}

}  // namespace

bool IsValidUtf8(std::string_view text) {
  const auto* p = reinterpret_cast<const Byte*>(text.data());
  size_t left = text.size();
  while (true) {
    const size_t ascii = AsciiPrefix(p, left);
    p += ascii;
    left -= ascii;
    if (left == 0) return true;
    const size_t length = CharacterLength(p, left);
    if (length == 0) return false;
    p += length;
    left -= length;
  }
}

std::string_view Utf8Prefix(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t size = bytes_max;
  while (size > 0 && IsContinuation(static_cast<Byte>(text[size]))) --size;
  return text.substr(0, size);
}

}  // namespace auspex
