#include "deploy/simulator/story.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace auspex::simulator {
namespace {

constexpr double kMonday = 1'700'438'400;  // 2023-11-20 00:00 UTC
constexpr double kFiveMinutes = 5 * kMinuteSeconds;

// Fifty seeds, each at two hours of two days of the week. Told once, for all tests.
const std::vector<Story>& ManyStories() {
  static const std::vector<Story>* stories = [] {
    auto all = std::make_unique<std::vector<Story>>();
    for (uint64_t seed = 1; seed <= 50; ++seed) {
      const double day = kMonday + static_cast<double>(seed % 7) * kDaySeconds;
      const double hour = static_cast<double>(seed * 5 % 24) * kHourSeconds;
      all->emplace_back(seed, day + hour);
      all->emplace_back(seed, day + 3.3 * kDaySeconds + hour);
    }
    return all.release();
  }();
  return *stories;
}

// Calls check(story) for all of them, up to the first that fails.
template <typename Check>
void ForManyStories(Check check) {
  for (const Story& story : ManyStories()) {
    SCOPED_TRACE(::testing::Message() << "story at " << story.now());
    check(story);
    if (::testing::Test::HasFailure()) return;
  }
}

double HighestLevel(const Quota& quota, double from, double to) {
  double highest = 0;
  for (double t = from; t <= to; t += kFiveMinutes) highest = std::max(highest, quota.Level(t));
  return highest;
}

TEST(StoryTest, OneOrTwoQuotasFillUpInTwoToFiveHoursAndAllOthersStayClear) {
  ForManyStories([](const Story& story) {
    int hits = 0;
    for (const Quota& quota : story.quotas()) {
      const auto seconds = story.SecondsToLimit(quota);
      if (seconds) {
        ++hits;
        EXPECT_GE(*seconds, 2 * kHourSeconds);
        EXPECT_LE(*seconds, 5 * kHourSeconds);
      } else {
        EXPECT_LE(HighestLevel(quota, story.now(), story.now() + kPromisedSeconds), 0.96);
      }
    }
    EXPECT_GE(hits, 1);
    EXPECT_LE(hits, 2);
  });
}

TEST(StoryTest, WhoeverFillsUpHasRisenSteadilyForADay) {
  ForManyStories([](const Story& story) {
    for (const Quota& quota : story.quotas()) {
      if (!story.SecondsToLimit(quota)) continue;
      for (double back = 0; back < 20 * kHourSeconds; back += 4 * kHourSeconds) {
        const double later = story.now() - back;
        EXPECT_GT(quota.Level(later), quota.Level(later - 4 * kHourSeconds) + 0.005);
      }
    }
  });
}

TEST(StoryTest, FillsPastTheQuotaHaveHappenedToSeveralUsersBefore) {
  ForManyStories([](const Story& story) {
    int users = 0;
    for (const Quota& quota : story.quotas()) {
      const double before = story.now() - kDaySeconds;
      if (HighestLevel(quota, story.now() - kHistorySeconds, before) >= 1) ++users;
      EXPECT_LT(HighestLevel(quota, story.now() - kHistorySeconds, story.now()), 1.15);
    }
    EXPECT_GE(users, 8);
  });
}

// Where the straight line through the last six hours stands a day from now.
double StraightLine(const Quota& quota, double now) {
  double n = 0, t1 = 0, t2 = 0, y1 = 0, ty = 0;
  for (double t = -6 * kHourSeconds; t <= 0; t += kFiveMinutes) {
    const double y = quota.Level(now + t);
    n += 1, t1 += t, t2 += t * t, y1 += y, ty += t * y;
  }
  const double slope = (n * ty - t1 * y1) / (n * t2 - t1 * t1);
  return (y1 - slope * t1) / n + slope * kPromisedSeconds;
}

TEST(StoryTest, AStraightLineCriesWolf) {
  ForManyStories([](const Story& story) {
    int false_alarms = 0;
    for (const Quota& quota : story.quotas()) {
      if (!story.SecondsToLimit(quota) && StraightLine(quota, story.now()) >= 1) ++false_alarms;
    }
    EXPECT_GE(false_alarms, 3);
  });
}

TEST(StoryTest, LevelsAreThoseOfACrowdedCluster) {
  ForManyStories([](const Story& story) {
    EXPECT_EQ(story.quotas().size(), 40u);
    double sum = 0;
    for (const Quota& quota : story.quotas()) {
      EXPECT_GT(quota.Level(story.now()), 0.65);
      sum += quota.Level(story.now());
    }
    EXPECT_GT(sum / 40, 0.78);
    EXPECT_LT(sum / 40, 0.95);
  });
}

TEST(StoryTest, SameArgumentsTellTheSameStoryAndOthersAnother) {
  const Story a(7, kMonday), b(7, kMonday), c(8, kMonday);
  bool differs = false;
  for (size_t i = 0; i < a.quotas().size(); ++i) {
    const double t = kMonday - 12345;
    EXPECT_EQ(a.UsedBytes(a.quotas()[i], t), b.UsedBytes(b.quotas()[i], t));
    differs |= a.UsedBytes(a.quotas()[i], t) != c.UsedBytes(c.quotas()[i], t);
  }
  EXPECT_TRUE(differs);
}

TEST(StoryTest, LabelsTellTheQuotasApart) {
  const Story story(1, kMonday);
  std::set<std::string> seen;
  for (const Quota& q : story.quotas()) {
    EXPECT_TRUE(seen.insert(q.cluster + q.group + q.user + q.storage_type).second);
  }
}

TEST(StoryTest, CounterGrowsButForOneRestartAndScrapesFailThree) {
  const Story story(3, kMonday);
  const Quota& quota = story.quotas().front();
  int resets = 0, outages = 0;
  double last = -1;
  bool up = true;
  for (double t = kMonday - kHistorySeconds; t <= kMonday; t += kMinuteSeconds) {
    const double written = story.WrittenBytesTotal(quota, t);
    if (written < last) ++resets;
    if (up && !story.ScrapeSucceeds(t)) ++outages;
    up = story.ScrapeSucceeds(t);
    last = written;
  }
  EXPECT_EQ(resets, 1);
  EXPECT_GE(outages, 2);  // two of the three may overlap
  EXPECT_TRUE(up);
}

TEST(ShapesTest, NightIsQuietAndTheWeekendToo) {
  EXPECT_LT(Activity(kMonday + 3 * kHourSeconds), 0.2);
  EXPECT_GT(Activity(kMonday + 16 * kHourSeconds), 0.8);
  EXPECT_LT(Activity(kMonday - 8 * kHourSeconds), 0.5);  // Sunday 16:00
}

TEST(ShapesTest, BusySecondsIsTheAreaUnderActivity) {
  double area = 0;
  const double from = kMonday - 3 * kDaySeconds, to = kMonday + 9.3 * kDaySeconds;
  for (double t = from; t < to; t += 30) area += Activity(t + 15) * 30;
  EXPECT_NEAR(BusySeconds(to) - BusySeconds(from), area, 0.001 * area);
}

TEST(ShapesTest, ScratchIsPurgedAtThree) {
  EXPECT_GT(Scratch(kMonday + 26 * kHourSeconds), 0.9);
  EXPECT_LT(Scratch(kMonday + 27.6 * kHourSeconds), 0.1);
}

TEST(ShapesTest, PulseRisesHoldsAndFalls) {
  const Pulse pulse{.start = 100, .rise = 10, .hold = 20, .fall = 10, .size = 2};
  EXPECT_EQ(pulse.At(100), 0);
  EXPECT_EQ(pulse.At(105), 1);
  EXPECT_EQ(pulse.At(120), 2);
  EXPECT_EQ(pulse.At(135), 1);
  EXPECT_EQ(pulse.At(140), 0);
  EXPECT_EQ(pulse.Written(135), 2);
}

}  // namespace
}  // namespace auspex::simulator
