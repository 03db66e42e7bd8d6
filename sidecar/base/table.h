// Plain tables and numbers for people, on the command line.
#pragma once

#include <string>
#include <vector>

namespace auspex {

// Columns padded to their widest cell, two spaces between; the first row is the header.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);
// Three significant digits and an SI prefix: 12300000000000 -> "12.3T".
std::string FormatSi(double value);
// A progress bar of 30 characters: "[####....]". `fraction` is clamped to 0..1.
std::string FormatBar(double fraction);
// Rounded to what matters: "2d4h", "3h20m", "45s".
std::string FormatSeconds(double seconds);

}  // namespace auspex
