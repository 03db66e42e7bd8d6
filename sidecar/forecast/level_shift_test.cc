#include "sidecar/forecast/level_shift.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

namespace auspex {
namespace {

constexpr DurationMs kStep = 5 * kMinute;
constexpr int kDaySteps = 288;

// value(t) for the days before the newest step, and `recent` for the newest steps.
std::vector<float> Context(int days, const std::function<double(int)>& value, int recent_steps,
                           double recent) {
  std::vector<float> context;
  for (int t = 0; t < days * kDaySteps; ++t) context.push_back(static_cast<float>(value(t)));
  for (int i = 0; i < recent_steps; ++i) context.push_back(static_cast<float>(recent));
  return context;
}

double Wave(int t) { return 50 + 5 * std::sin(t * 6.2831853 / kDaySteps) + t % 3; }

TEST(IsLevelShift, Table) {
  const float missing = static_cast<float>(Missing());
  const auto constant = [](int) { return 7.0; };
  const auto filling = [](int t) { return 0.05 * t; };
  std::vector<float> with_gaps = Context(7, Wave, 24, 5);
  for (size_t i = 0; i < with_gaps.size(); i += 2) with_gaps[i] = missing;
  std::vector<float> silent = Context(7, Wave, 24, 5);
  for (size_t i = silent.size() - 24; i < silent.size() - 2; ++i) silent[i] = missing;
  std::vector<float> back = Context(7, Wave, 24, 5);
  back[back.size() - 10] = 50;

  struct Row {
    const char* name;
    std::vector<float> context;
    bool shifted;
  };
  const Row rows[] = {
      {"a rhythm that goes on", Context(8, Wave, 0, 0), false},
      {"dropped to almost nothing for two hours", Context(7, Wave, 24, 5), true},
      {"jumped", Context(7, Wave, 24, 120), true},
      {"jumped ten hours ago", Context(7, Wave, 120, 120), true},
      {"jumped a day ago", Context(7, Wave, 288, 120), false},
      {"jumped an hour ago", Context(7, Wave, 12, 120), false},
      {"higher than ever, by less than the width of the past", Context(7, Wave, 24, 70), false},
      {"one ordinary value among them", back, false},
      {"every second step missing", with_gaps, true},
      {"too few recent values", silent, false},
      {"filling steadily", Context(8, filling, 0, 0), false},
      {"a constant that moved", Context(7, constant, 24, 7.5), true},
      {"a constant", Context(7, constant, 24, 7), false},
      {"a day of history is enough", Context(1, Wave, 24, 120), true},
      {"less is not", std::vector<float>(200, 1), false},
      {"nothing", {}, false},
  };
  for (const Row& row : rows) EXPECT_EQ(IsLevelShift(row.context, kStep), row.shifted) << row.name;
}

TEST(IsLevelShift, OnlyTheLastSevenDaysCount) {
  std::vector<float> context(3 * kDaySteps, 120);
  const std::vector<float> week = Context(7, Wave, 24, 120);
  context.insert(context.end(), week.begin(), week.end());
  EXPECT_TRUE(IsLevelShift(context, kStep));
}

TEST(IsLevelShift, CoarseStepsNeedThreeValues) {
  std::vector<float> context(10 * 24, 1);
  for (size_t i = 0; i < context.size(); i += 2) context[i] = 2;
  context[context.size() - 1] = context[context.size() - 2] = 50;
  EXPECT_FALSE(IsLevelShift(context, kHour));
  context[context.size() - 3] = 50;
  EXPECT_TRUE(IsLevelShift(context, kHour));
}

}  // namespace
}  // namespace auspex
