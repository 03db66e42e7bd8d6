#include "sidecar/app/arguments.h"

#include <string_view>

namespace auspex {

std::vector<std::string> WithEmptyValues(std::span<const char* const> arguments) {
  std::vector<std::string> result;
  bool options = true;
  for (const std::string_view argument : arguments) {
    options = options && argument != "--";
    const bool empty =
        options && argument.starts_with("--") && argument.find('=') == argument.size() - 1;
    result.emplace_back(argument.substr(0, argument.size() - (empty ? 1 : 0)));
    if (empty) result.emplace_back();
  }
  return result;
}

}  // namespace auspex
