// Rule names as directory names: any name fits, and distinct names never collide.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace auspex {

// Letters, digits, '_', '-' and '.' (not as the first) stay; every other byte becomes %XX.
std::string DirectoryOfRule(std::string_view rule);
// The inverse; nullopt for a name that DirectoryOfRule does not give.
std::optional<std::string> RuleOfDirectory(std::string_view directory);

}  // namespace auspex
