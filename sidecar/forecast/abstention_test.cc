#include "sidecar/forecast/abstention.h"

#include <gtest/gtest.h>

#include <vector>

namespace auspex {
namespace {

std::vector<float> Context(int leading_missing, int values, int trailing_missing) {
  std::vector<float> context(leading_missing, static_cast<float>(Missing()));
  for (int i = 0; i < values; ++i) context.push_back(static_cast<float>(i));
  context.insert(context.end(), trailing_missing, static_cast<float>(Missing()));
  return context;
}

TEST(InspectContext, CountsValuesAndSilence) {
  const ContextState state = InspectContext(Context(5, 20, 3));
  EXPECT_EQ(state.values, 20);
  EXPECT_EQ(state.first, 5);
  EXPECT_EQ(state.silent_steps, 3);
  EXPECT_EQ(state.last_value, 19);
  const ContextState empty = InspectContext(Context(7, 0, 0));
  EXPECT_EQ(empty.values, 0);
  EXPECT_EQ(empty.silent_steps, 7);
}

TEST(InspectContext, KnowsWhetherAnyValueWasNegative) {
  std::vector<float> context = Context(2, 20, 1);
  EXPECT_TRUE(InspectContext(context).never_negative);
  context[3] = -1;
  EXPECT_FALSE(InspectContext(context).never_negative);
}

TEST(JudgeContext, Table) {
  struct Row {
    const char* name;
    int values;
    int silent;
    int rule_silent;
    DurationMs step;
    Verdict verdict;
  };
  const Row rows[] = {
      {"fresh", 100, 0, 0, 5 * kMinute, Verdict::kForecast},
      {"one lost scrape", 100, 1, 0, 5 * kMinute, Verdict::kGap},
      {"silent for ten minutes", 100, 2, 0, 5 * kMinute, Verdict::kGap},
      {"gone while others live", 100, 3, 0, 5 * kMinute, Verdict::kEnded},
      {"gone with every other: the scrape failed", 100, 12, 12, 5 * kMinute, Verdict::kGap},
      {"an outage of more than an hour", 100, 13, 13, 5 * kMinute, Verdict::kEnded},
      {"long steps forgive two", 100, 2, 0, kHour, Verdict::kGap},
      {"short steps have ten minutes", 100, 10, 0, kMinute, Verdict::kGap},
      {"short steps, longer", 100, 11, 0, kMinute, Verdict::kEnded},
      {"young", kContextValuesMin - 1, 0, 0, 5 * kMinute, Verdict::kTooShort},
      {"just old enough", kContextValuesMin, 0, 0, 5 * kMinute, Verdict::kForecast},
      {"never seen", 0, 0, 0, 5 * kMinute, Verdict::kEnded},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(
        JudgeContext(InspectContext(Context(4, row.values, row.silent)), row.rule_silent, row.step),
        row.verdict)
        << row.name;
  }
}

}  // namespace
}  // namespace auspex
