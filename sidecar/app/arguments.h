// What a program was called with, in the form that CLI11 understands.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace auspex {

// The arguments with `--name=` as two of them, `--name` and an empty one, up to a `--`: CLI11 2.1
// takes the next argument for the value where nothing follows the `=`.
std::vector<std::string> WithEmptyValues(std::span<const char* const> arguments);

}  // namespace auspex
