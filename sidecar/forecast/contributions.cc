#include "sidecar/forecast/contributions.h"

#include <algorithm>
#include <cmath>

namespace auspex {
namespace {

// A change below this share of the level is none: what is left of it is rounding.
constexpr double kChangeMin = 1e-6;

// NaN when there is no forecast for that time.
double ChangeOf(const Forecast& forecast, TimestampMs target_ms) {
  const auto median = static_cast<size_t>(forecast.LevelIndex(0.5));
  return forecast.At(median, target_ms) - forecast.last_value;
}

}  // namespace

std::optional<Contributions> ContributionsTo(const Forecast& total,
                                             std::span<const Forecast* const> members,
                                             TimestampMs target_ms, size_t top_max) {
  Contributions result;
  result.change = ChangeOf(total, target_ms);
  if (IsMissing(result.change)) return std::nullopt;
  const bool changes =
      std::abs(result.change) > kChangeMin * std::max(std::abs(total.last_value), kChangeMin);
  for (const Forecast* member : members) {
    const double change = ChangeOf(*member, target_ms);
    if (IsMissing(change)) continue;
    result.top.push_back({.member = member, .change = change});
    if (changes) result.top.back().share = change / result.change;
  }
  result.members = static_cast<int>(result.top.size());
  const auto weight = [&](const Contribution& c) {
    return c.share ? *c.share : std::abs(c.change);
  };
  const size_t kept = std::min(top_max, result.top.size());
  std::partial_sort(
      result.top.begin(), result.top.begin() + static_cast<std::ptrdiff_t>(kept), result.top.end(),
      [&](const Contribution& a, const Contribution& b) { return weight(a) > weight(b); });
  result.top.resize(kept);
  return result;
}

}  // namespace auspex
