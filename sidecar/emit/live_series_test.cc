#include "sidecar/emit/live_series.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace auspex {
namespace {

LabelSet Series(const std::string& period) {
  return LabelSet({{"__name__", "x_forecast"}, {"user", "ann"}, {"period", period}});
}

std::vector<LabeledSample> One(const std::string& period, double value) {
  return {{Series(period), {0, value}}};
}

TEST(LiveSeries, AFlipEndsTheOldSeriesWhereTheNewOneBegins) {
  LiveSeries live;
  EXPECT_EQ(live.Advance(One("day", 1), 1000).size(), 1U);
  const auto emission = live.Advance(One("night", 2), 61000);
  ASSERT_EQ(emission.size(), 2U);
  EXPECT_EQ(emission[0].labels, Series("night"));
  EXPECT_EQ(emission[0].sample.timestamp_ms, 61000);
  EXPECT_EQ(emission[1].labels, Series("day"));
  EXPECT_TRUE(IsStaleMarker(emission[1].sample.value));
  EXPECT_EQ(emission[1].sample.timestamp_ms, 61000);
  // The marker is sent once.
  EXPECT_EQ(live.Advance(One("night", 3), 121000).size(), 1U);
}

TEST(LiveSeries, AnAggregateThatEndsIsMarked) {
  LiveSeries live;
  live.Advance(One("day", 1), 1000);
  const auto emission = live.Advance({}, 2000);
  ASSERT_EQ(emission.size(), 1U);
  EXPECT_TRUE(IsStaleMarker(emission[0].sample.value));
  EXPECT_EQ(live.size(), 0U);
}

TEST(LiveSeries, TimeNeverStandsStillForASeries) {
  LiveSeries live;
  live.Advance(One("day", 1), 5000);
  EXPECT_EQ(live.Advance(One("day", 1), 5000)[0].sample.timestamp_ms, 5001);
  EXPECT_EQ(live.Advance(One("day", 1), 4000)[0].sample.timestamp_ms, 5002);
  EXPECT_EQ(live.Advance(One("day", 1), 9000)[0].sample.timestamp_ms, 9000);
}

TEST(LiveSeries, ARestartEndsWhatIsNotEmittedAnyMore) {
  LiveSeries before;
  std::vector<LabeledSample> both = One("day", 1);
  both.push_back({Series("night"), {0, 2}});
  before.Advance(both, 1000);
  EXPECT_TRUE(before.changed());
  const std::string bytes = before.Serialize();
  EXPECT_FALSE(before.changed());

  LiveSeries after;
  ASSERT_TRUE(after.Restore(bytes).ok());
  const auto emission = after.Advance(One("night", 3), 2000);
  ASSERT_EQ(emission.size(), 2U);
  EXPECT_EQ(emission[1].labels, Series("day"));
  EXPECT_TRUE(IsStaleMarker(emission[1].sample.value));
}

TEST(LiveSeries, ChangesOnlyWithTheSet) {
  LiveSeries live;
  live.Advance(One("day", 1), 1000);
  live.Serialize();
  live.Advance(One("day", 2), 2000);
  EXPECT_FALSE(live.changed());
  live.Advance(One("night", 2), 3000);
  EXPECT_TRUE(live.changed());
}

TEST(LiveSeries, OutlivesThousandsOfSeriesThatComeAndGo) {
  LiveSeries live;
  const auto user = [](int i) {
    return std::vector<LabeledSample>{
        {Series("day").With("user", "user-" + std::to_string(i)), {0, 1}}};
  };
  live.Advance(user(0), 1000);
  for (int i = 1; i < 5000; ++i) {
    const auto emission = live.Advance(user(i), 1000 + i);
    ASSERT_EQ(emission.size(), 2U);
    EXPECT_EQ(emission[0].labels.Get("user"), "user-" + std::to_string(i));
    EXPECT_EQ(emission[1].labels.Get("user"), "user-" + std::to_string(i - 1));
    EXPECT_TRUE(IsStaleMarker(emission[1].sample.value));
  }
  EXPECT_EQ(live.size(), 1U);
}

TEST(LiveSeries, ForeignBytesAreRefused) {
  LiveSeries live;
  live.Advance(One("day", 1), 1000);
  const std::string bytes = live.Serialize();
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    EXPECT_TRUE(absl::IsDataLoss(live.Restore(bytes.substr(0, cut)))) << cut;
  }
  EXPECT_TRUE(absl::IsDataLoss(live.Restore(bytes + "x")));
  EXPECT_TRUE(live.Restore(bytes).ok());
}

}  // namespace
}  // namespace auspex
