#include "sidecar/history/closed_ranges.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace auspex {
namespace {

constexpr DurationMs kStep = 10;

TEST(ClosedRanges, MergesNeighbours) {
  ClosedRanges ranges(kStep);
  ranges.Add({100, 120});
  ranges.Add({130, 130});
  ranges.Add({80, 80});
  EXPECT_EQ(ranges.Gaps({0, 200}), (std::vector<StepRange>{{0, 70}, {90, 90}, {140, 200}}));
  ranges.Add({90, 90});
  EXPECT_EQ(ranges.Gaps({80, 130}), std::vector<StepRange>());
  EXPECT_EQ(ranges.Last(), 130);
  ranges.DropBefore(105);
  EXPECT_EQ(ranges.Gaps({80, 130}), (std::vector<StepRange>{{80, 100}}));
}

TEST(ClosedRanges, EndsNeedNotBeBoundaries) {
  ClosedRanges ranges(kStep);
  ranges.Add({100, 100});
  EXPECT_EQ(ranges.Gaps({91, 119}), (std::vector<StepRange>{{110, 110}}));
  EXPECT_EQ(ranges.Gaps({101, 109}), std::vector<StepRange>());
}

TEST(ClosedRanges, AgreesWithASetOfSteps) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    ClosedRanges ranges(kStep);
    std::set<TimestampMs> steps;
    for (int i = 0; i < 12; ++i) {
      const TimestampMs first = static_cast<TimestampMs>(random() % 50) * kStep;
      const TimestampMs last = first + static_cast<TimestampMs>(random() % 8) * kStep;
      ranges.Add({first, last});
      for (TimestampMs t = first; t <= last; t += kStep) steps.insert(t);
    }
    const TimestampMs drop = static_cast<TimestampMs>(random() % 300);
    ranges.DropBefore(drop);
    std::erase_if(steps, [&](TimestampMs t) { return t < drop; });
    ClosedRanges copy(kStep);
    ASSERT_TRUE(copy.Decode(ranges.Encode()).ok());
    std::set<TimestampMs> missing;
    for (const StepRange& gap : copy.Gaps({0, 600})) {
      for (TimestampMs t = gap.first_ms; t <= gap.last_ms; t += kStep) missing.insert(t);
    }
    for (TimestampMs t = 0; t <= 600; t += kStep) EXPECT_NE(steps.contains(t), missing.contains(t));
    ASSERT_EQ(copy.empty(), steps.empty());
    if (steps.empty()) continue;
    EXPECT_EQ(copy.First(), *steps.begin());
    EXPECT_EQ(copy.Last(), *steps.rbegin());
    EXPECT_EQ(copy.GapSteps(),
              (copy.Last() - copy.First()) / kStep + 1 - static_cast<int64_t>(steps.size()));
  }
}

TEST(ClosedRanges, ForeignBytesAreDataLoss) {
  ClosedRanges ranges(kStep);
  EXPECT_TRUE(absl::IsDataLoss(ranges.Decode("123")));
}

}  // namespace
}  // namespace auspex
