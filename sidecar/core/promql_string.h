// String literals of PromQL.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace auspex {

struct PromqlString {
  std::string value;
  size_t length = 0;  // bytes of the literal, quotes included
};

// Reads the literal at the front of `text`, which starts with one of " ' `. Between back quotes
// nothing is escaped; between the others the escapes are Go's: \a \b \f \n \r \t \v \\ the quote
// itself, \ooo, \xhh, \uhhhh and \Uhhhhhhhh, and a newline ends the line but not the string, which
// is an error. InvalidArgument says what is wrong, without a position.
absl::StatusOr<PromqlString> ReadPromqlString(std::string_view text);

}  // namespace auspex
