#include "sidecar/registry/rule_directory.h"

namespace auspex {
namespace {

constexpr std::string_view kHex = "0123456789ABCDEF";

// Plain ASCII, whatever the locale.
bool IsPlain(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || (c == '.' && !first);
}

}  // namespace

std::string DirectoryOfRule(std::string_view rule) {
  std::string directory;
  for (const char c : rule) {
    if (IsPlain(c, directory.empty())) {
      directory += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      directory += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return directory;
}

std::optional<std::string> RuleOfDirectory(std::string_view directory) {
  std::string rule;
  for (size_t i = 0; i < directory.size(); ++i) {
    if (directory[i] != '%') {
      rule += directory[i];
      continue;
    }
    if (i + 2 >= directory.size()) return std::nullopt;
    const size_t high = kHex.find(directory[i + 1]);
    const size_t low = kHex.find(directory[i + 2]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    rule += static_cast<char>(high << 4 | low);
    i += 2;
  }
  if (rule.empty() || DirectoryOfRule(rule) != directory) return std::nullopt;
  return rule;
}

}  // namespace auspex
