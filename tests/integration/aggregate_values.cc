#include "tests/integration/aggregate_values.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

namespace auspex {
namespace {

template <typename Map>
const typename Map::mapped_type* Find(const Map& map, const typename Map::key_type& key) {
  const auto it = map.find(key);
  return it == map.end() ? nullptr : &it->second;
}

std::string Text(const double* value) {
  if (value == nullptr) return "missing";
  char text[40];
  std::snprintf(text, sizeof(text), "%.17g", *value);
  return text;
}

}  // namespace

bool IsClose(double actual, double expected, double relative_tolerance) {
  if (std::isinf(actual) || std::isinf(expected)) return actual == expected;
  return std::fabs(actual - expected) <=
         relative_tolerance * std::max(std::fabs(actual), std::fabs(expected));
}

std::vector<std::string> Differences(const AggregateValues& actual, const AggregateValues& expected,
                                     double relative_tolerance, size_t lines_max) {
  std::set<std::pair<LabelSet, TimestampMs>> points;
  for (const AggregateValues* side : {&actual, &expected}) {
    for (const auto& [labels, steps] : *side) {
      for (const auto& [t_ms, value] : steps) points.emplace(labels, t_ms);
    }
  }
  std::vector<std::string> lines;
  size_t count = 0;
  for (const auto& [labels, t_ms] : points) {
    const auto* actual_steps = Find(actual, labels);
    const auto* expected_steps = Find(expected, labels);
    const double* a = actual_steps == nullptr ? nullptr : Find(*actual_steps, t_ms);
    const double* e = expected_steps == nullptr ? nullptr : Find(*expected_steps, t_ms);
    if (a != nullptr && e != nullptr && IsClose(*a, *e, relative_tolerance)) continue;
    if (++count > lines_max) continue;
    lines.push_back(labels.ToString() + " at " + std::to_string(t_ms) + ": " + Text(a) +
                    ", expected " + Text(e));
  }
  if (count > lines_max) lines.push_back(std::to_string(count) + " differences in all");
  return lines;
}

}  // namespace auspex
