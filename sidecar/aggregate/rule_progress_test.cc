#include "sidecar/aggregate/rule_progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace auspex {

void PrintTo(const StepSpan& span, std::ostream* out) {
  *out << span.first_ms << "-" << span.last_ms;
}

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr TimestampMs kNow = 100 * kHour;  // a step boundary
const ProgressOptions kOptions = {
    .lateness = {.out_of_order_window_ms = 30 * kSecond, .start_hold_ms = 90 * kSecond},
    .gap_max_ms = 2 * kMinute};

TEST(WatermarkTest, HoldsWhileASenderMayBeCatchingUp) {
  struct Case {
    const char* what;
    DurationMs since_start_ms;
    DurationMs newest_before_now_ms;
    DurationMs expected_before_now_ms;
  };
  const Case cases[] = {
      {"long since", kHour, kHour, 30 * kSecond},
      {"long since, live", kHour, 0, 30 * kSecond},
      {"exactly the hold", 90 * kSecond, kHour, 30 * kSecond},
      {"held, sender an hour behind", 89 * kSecond, kHour, kHour + 30 * kSecond + 1},
      {"held, sender live", 0, 0, 30 * kSecond + 1},
      {"held, sender ahead", 0, -kMinute, 30 * kSecond},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(
        Watermark(kNow, kNow - c.since_start_ms, kNow - c.newest_before_now_ms, kOptions.lateness),
        kNow - c.expected_before_now_ms)
        << c.what;
  }
}

// Closes everything due, and returns the boundaries relative to kNow in minutes.
std::vector<int64_t> CloseAll(RuleProgress& progress, TimestampMs now_ms) {
  std::vector<int64_t> closed;
  while (const auto t_ms = progress.NextDue(now_ms, kOptions)) {
    closed.push_back((*t_ms - kNow) / kMinute);
    progress.Close(*t_ms);
  }
  return closed;
}

TEST(RuleProgressTest, StartsWithTheFirstWholeWindow) {
  RuleProgress progress(kMinute, 5 * kMinute, kNow - kHour);
  EXPECT_THAT(CloseAll(progress, kNow), IsEmpty()) << "nothing seen";
  EXPECT_EQ(progress.keep_from_ms(), std::numeric_limits<TimestampMs>::max());
  progress.Saw(kNow + 5 * kSecond);
  progress.Saw(kNow + kSecond);
  EXPECT_EQ(progress.keep_from_ms(), kNow + kSecond);
  EXPECT_THAT(CloseAll(progress, kNow + 6 * kMinute + 29 * kSecond), IsEmpty());
  EXPECT_THAT(CloseAll(progress, kNow + 7 * kMinute + 30 * kSecond), ElementsAre(6, 7));
  EXPECT_EQ(progress.keep_from_ms(), kNow + 3 * kMinute);
}

TEST(RuleProgressTest, EffectsOfSamples) {
  RuleProgress progress(kMinute, 5 * kMinute, kNow - kHour);
  progress.Restore({.next_ms = kNow + kMinute, .seen_from_ms = kNow - kHour});
  struct Case {
    const char* what;
    DurationMs offset_ms;
    PromqlDialect dialect;
    bool needed;
    std::optional<StepSpan> late;
  };
  const auto span = [](int64_t first, int64_t last) {
    return StepSpan{kNow + first * kMinute, kNow + last * kMinute};
  };
  const Case cases[] = {
      {"of the open step", 1, PromqlDialect::kV3, true, {}},
      {"of the closed step too", 0, PromqlDialect::kV3, true, span(0, 0)},
      {"the oldest needed", -4 * kMinute + 1, PromqlDialect::kV3, true, span(-3, 0)},
      {"on the open bound", -4 * kMinute, PromqlDialect::kV3, false, span(-4, 0)},
      {"on the closed bound", -4 * kMinute, PromqlDialect::kV2, true, span(-4, 0)},
      {"too old", -20 * kMinute + 1, PromqlDialect::kV2, false, span(-19, -15)},
  };
  for (const Case& c : cases) {
    const SampleEffect effect = progress.EffectOf(kNow + c.offset_ms, c.dialect);
    EXPECT_EQ(effect.needed, c.needed) << c.what;
    EXPECT_EQ(effect.late, c.late) << c.what;
  }
}

TEST(RuleProgressTest, NothingLooksBetweenLongSteps) {
  const RuleProgress progress(30 * kMinute, kLookbackDelta, kNow);
  EXPECT_FALSE(progress.EffectOf(kNow + 10 * kMinute, PromqlDialect::kV3).needed);
  EXPECT_TRUE(progress.EffectOf(kNow + 26 * kMinute, PromqlDialect::kV3).needed);
  EXPECT_FALSE(progress.EffectOf(kNow + 10 * kMinute, PromqlDialect::kV3).late.has_value());
}

TEST(RuleProgressTest, RestartGoesOnWhereTheLogEnds) {
  RuleProgress progress(kMinute, 5 * kMinute, kNow + 10 * kSecond);
  progress.Restore({.next_ms = kNow, .seen_from_ms = kNow - kHour});
  progress.SawReplayed(kNow - 5 * kSecond);
  EXPECT_THAT(CloseAll(progress, kNow + 5 * kMinute), IsEmpty()) << "no sender yet";
  progress.Saw(kNow + 10 * kSecond);
  EXPECT_THAT(CloseAll(progress, kNow + 40 * kSecond), IsEmpty()) << "held";
  progress.Saw(kNow + 31 * kSecond);
  EXPECT_THAT(CloseAll(progress, kNow + 40 * kSecond), ElementsAre(0));
}

TEST(RuleProgressTest, RestartDoesNotCloseWhatHistoryHolds) {
  RuleProgress progress(kMinute, 5 * kMinute, kNow - kHour);
  progress.Restore({.next_ms = kNow - kMinute, .seen_from_ms = kNow - kHour});
  progress.SawReplayed(kNow);
  progress.Resume(kNow + kMinute);
  progress.Saw(kNow + 15 * kSecond);
  EXPECT_THAT(CloseAll(progress, kNow + 3 * kMinute), ElementsAre(2));
}

TEST(RuleProgressTest, LostSamplesAreLeftToBackFill) {
  RuleProgress progress(kMinute, 5 * kMinute, kNow - kHour);
  progress.Restore({.next_ms = kNow - kMinute, .seen_from_ms = kNow - kHour});
  progress.SawReplayed(kNow - 2 * kMinute - 1);
  progress.Saw(kNow);
  EXPECT_THAT(CloseAll(progress, kNow + 7 * kMinute), ElementsAre(5, 6));
}

TEST(RuleProgressTest, LeapsOfTheClockAreLeftToBackFill) {
  RuleProgress progress(kMinute, 5 * kMinute, kNow - kHour);
  progress.Saw(kNow);
  EXPECT_THAT(CloseAll(progress, kNow + 6 * kMinute), ElementsAre(5));
  EXPECT_THAT(CloseAll(progress, kNow + 3 * kDay), IsEmpty());
  progress.Saw(kNow + 3 * kDay);
  EXPECT_THAT(CloseAll(progress, kNow + 3 * kDay + 6 * kMinute),
              ElementsAre(3 * kDay / kMinute + 5));
}

TEST(DirtyStepsTest, MergesWhatTouches) {
  DirtySteps dirty(10);
  dirty.Add({100, 120});
  dirty.Add({10, 20});
  dirty.Add({130, 130});
  dirty.Add({50, 60});
  dirty.Add({20, 40});
  EXPECT_THAT(dirty.Take(), ElementsAre(StepSpan{10, 60}, StepSpan{100, 130}));
  EXPECT_THAT(dirty.Take(), IsEmpty());
}

TEST(DirtyStepsTest, StaysSmall) {
  DirtySteps dirty(10);
  for (int i = 0; i < 1000; ++i) dirty.Add({i * 100, i * 100});
  const auto spans = dirty.Take();
  EXPECT_EQ(spans.size(), 64u);
  EXPECT_EQ(spans.front().first_ms, 0) << "none is lost";
  EXPECT_EQ(spans.back(), (StepSpan{99900, 99900}));
}

}  // namespace
}  // namespace auspex
