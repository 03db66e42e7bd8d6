#include "sidecar/base/table.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_format.h"

namespace auspex {

std::string FormatTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  std::string text;
  for (const auto& row : rows) {
    for (size_t c = 0; c < row.size(); ++c) {
      text += row[c];
      if (c + 1 < row.size()) text.append(widths[c] - row[c].size() + 2, ' ');
    }
    text += '\n';
  }
  return text;
}

std::string FormatSi(double value) {
  if (!std::isfinite(value)) return "-";
  constexpr std::array<const char*, 6> kPrefixes = {"", "k", "M", "G", "T", "P"};
  size_t prefix = 0;
  while (std::abs(value) >= 999.5 && prefix + 1 < kPrefixes.size()) {
    value /= 1000;
    ++prefix;
  }
  return absl::StrFormat("%.3g%s", value, kPrefixes[prefix]);
}

std::string FormatBar(double fraction) {
  constexpr int kWidth = 30;
  const int filled = static_cast<int>(std::clamp(fraction, 0.0, 1.0) * kWidth);
  return "[" + std::string(filled, '#') + std::string(kWidth - filled, '.') + "]";
}

std::string FormatSeconds(double seconds) {
  if (!std::isfinite(seconds)) return "-";
  const long total = std::lround(seconds);
  if (total < 60) return absl::StrFormat("%ds", total);
  const long minutes = std::lround(seconds / 60);
  if (minutes < 60) return absl::StrFormat("%dm", minutes);
  if (minutes < 24 * 60) return absl::StrFormat("%dh%02dm", minutes / 60, minutes % 60);
  return absl::StrFormat("%dd%dh", minutes / (24 * 60), minutes / 60 % 24);
}

}  // namespace auspex
