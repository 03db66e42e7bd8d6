// Percent-encoding of URLs and forms (RFC 3986 section 2.1; the WHATWG form encoding for "+").
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace auspex {

// Percent-encodes one query or form component: everything but RFC 3986's unreserved characters.
std::string UrlEncode(std::string_view text);

// Decodes a path. Nullopt when a "%" is not followed by two hexadecimal digits.
std::optional<std::string> UrlDecodePath(std::string_view text);

// Decodes `a=1&b=2` (a query string or a form body; "+" is a space) and appends the pairs.
// False when a percent-escape is broken.
bool UrlDecodeQuery(std::string_view text, std::vector<std::pair<std::string, std::string>>* out);

}  // namespace auspex
