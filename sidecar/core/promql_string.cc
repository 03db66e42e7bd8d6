#include "sidecar/core/promql_string.h"

#include <cstdint>
#include <optional>

namespace auspex {
namespace {

std::optional<char> SimpleEscape(char c) {
  switch (c) {
    case 'a':
      return '\a';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'v':
      return '\v';
    case '\\':
      return '\\';
    default:
      return std::nullopt;
  }
}

int DigitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 16;
}

// Exactly `count` digits of `base` at `text[at]`, or nothing.
std::optional<uint32_t> ReadNumber(std::string_view text, size_t at, size_t count, int base) {
  if (at + count > text.size()) return std::nullopt;
  uint32_t number = 0;
  for (const char c : text.substr(at, count)) {
    const int digit = DigitValue(c);
    if (digit >= base) return std::nullopt;
    number = number * static_cast<uint32_t>(base) + static_cast<uint32_t>(digit);
  }
  return number;
}

void AppendUtf8(uint32_t rune, std::string* out) {
  const auto put = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (rune < 0x80) {
    put(rune);
  } else if (rune < 0x800) {
    put(0xC0 | rune >> 6);
    put(0x80 | (rune & 0x3F));
  } else if (rune < 0x10000) {
    put(0xE0 | rune >> 12);
    put(0x80 | (rune >> 6 & 0x3F));
    put(0x80 | (rune & 0x3F));
  } else {
    put(0xF0 | rune >> 18);
    put(0x80 | (rune >> 12 & 0x3F));
    put(0x80 | (rune >> 6 & 0x3F));
    put(0x80 | (rune & 0x3F));
  }
}

bool IsRune(uint32_t number) { return number <= 0x10FFFF && (number < 0xD800 || number > 0xDFFF); }

// Decodes the escape whose backslash is at text[at]; gives the position behind it, or nothing.
std::optional<size_t> ReadEscape(std::string_view text, size_t at, char quote, std::string* out) {
  if (at + 1 >= text.size()) return std::nullopt;
  const char kind = text[at + 1];
  const std::optional<char> simple = kind == quote ? quote : SimpleEscape(kind);
  if (simple.has_value()) {
    out->push_back(*simple);
    return at + 2;
  }
  if (kind == 'x' || (kind >= '0' && kind <= '7')) {  // one byte, not a rune
    const bool hex = kind == 'x';
    const size_t digits_at = hex ? at + 2 : at + 1;
    const size_t digits = hex ? 2 : 3;
    const auto byte = ReadNumber(text, digits_at, digits, hex ? 16 : 8);
    if (!byte.has_value() || *byte > 0xFF) return std::nullopt;
    out->push_back(static_cast<char>(*byte));
    return digits_at + digits;
  }
  if (kind != 'u' && kind != 'U') return std::nullopt;
  const size_t digits = kind == 'u' ? 4 : 8;
  const auto rune = ReadNumber(text, at + 2, digits, 16);
  if (!rune.has_value() || !IsRune(*rune)) return std::nullopt;
  AppendUtf8(*rune, out);
  return at + 2 + digits;
}

}  // namespace

absl::StatusOr<PromqlString> ReadPromqlString(std::string_view text) {
  const char quote = text.front();
  PromqlString result;
  for (size_t at = 1; at < text.size();) {
    const char c = text[at];
    if (c == quote) {
      result.length = at + 1;
      return result;
    }
    if (quote != '`' && c == '\n') break;
    if (quote != '`' && c == '\\') {
      const std::optional<size_t> behind = ReadEscape(text, at, quote, &result.value);
      if (!behind.has_value()) {
        return absl::InvalidArgumentError("unknown escape \"" + std::string(text.substr(at, 2)) +
                                          "\" in the string");
      }
      at = *behind;
      continue;
    }
    result.value += c;
    ++at;
  }
  return absl::InvalidArgumentError("the string is not terminated");
}

}  // namespace auspex
