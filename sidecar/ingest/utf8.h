// UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing past U+10FFFF.
#pragma once

#include <string_view>

namespace auspex {

// Costs one comparison per eight bytes while the text is ASCII.
bool IsValidUtf8(std::string_view text);

// The longest prefix of at most `bytes_max` bytes that does not end inside a character.
std::string_view Utf8Prefix(std::string_view text, size_t bytes_max);

}  // namespace auspex
