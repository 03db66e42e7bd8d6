// A label whose text belongs to someone else.
#pragma once

#include <string_view>

namespace auspex {

// Borrowed: valid as long as the bytes it was read from (a request body, a LabelSet).
struct LabelView {
  std::string_view name;
  std::string_view value;
};

}  // namespace auspex
