// How much of a total's forecast rise comes from which of its members.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "sidecar/core/forecast.h"

namespace auspex {

// What one member brings to the change of its total up to some target time.
struct Contribution {
  const Forecast* member = nullptr;
  double change = 0;            // of its median from the last value, in units of the values
  std::optional<double> share;  // of the total's change; absent while that is (almost) none
};

struct Contributions {
  double change = 0;  // of the total's median from its last value
  // Those that change the most in the direction in which the total does; in any direction while it
  // hardly changes. They may add up to more than the total when others go the other way.
  std::vector<Contribution> top;
  int members = 0;  // also those that are not among the top
};

// The contributions of `members` to the change of `total` up to `target_ms`, at most `top_max` of
// them. Members without a forecast for that time are left out. Nothing when the total has none.
std::optional<Contributions> ContributionsTo(const Forecast& total,
                                             std::span<const Forecast* const> members,
                                             TimestampMs target_ms, size_t top_max);

}  // namespace auspex
