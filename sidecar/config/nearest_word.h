// Suggestions for misspelt words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace auspex {

// The candidate with the smallest edit distance (insertions, deletions, substitutions; Levenshtein
// 1966) to `word`, or "" when even that one differs in more than half of the longer word.
std::string NearestWord(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace auspex
