#include "sidecar/backtest/refit_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace auspex {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr DurationMs kStep = kHour;
constexpr TimestampMs kStart = 1000 * kDay;

// Values from `start_ms` on for a long time.
BacktestSeries Series(std::vector<TimestampMs> origins_ms, TimestampMs start_ms = kStart) {
  return {.first_ms = start_ms,
          .values = std::vector<float>(24 * 100, 1.0f),
          .origins_ms = std::move(origins_ms)};
}

TimestampMs Hours(int hours) { return kStart + hours * kHour; }

std::vector<Refit> Plan(const std::vector<BacktestSeries>& series, const char* policy) {
  return PlanRefits(series, *ParseRefitPolicy(policy), kStep, kDay);
}

// Hours of the fits; -1 without training.
std::vector<int> Fits(const std::vector<Refit>& plan) {
  std::vector<int> fits;
  for (const Refit& refit : plan) {
    fits.push_back(refit.trains ? static_cast<int>((refit.fit_ms - kStart) / kHour) : -1);
  }
  return fits;
}

std::vector<int> Origins(const Refit& refit) {
  std::vector<int> origins;
  for (const PlannedForecast& forecast : refit.forecasts) {
    origins.push_back(static_cast<int>((forecast.origin_ms - kStart) / kHour));
  }
  return origins;
}

TEST(RefitPolicyTest, ReadsWhatThePersonMeans) {
  EXPECT_EQ(ParseRefitPolicy("first")->kind, RefitPolicy::Kind::kFirst);
  EXPECT_EQ(ParseRefitPolicy("every-3")->kind, RefitPolicy::Kind::kOrigins);
  EXPECT_EQ(ParseRefitPolicy("every-3")->origins, 3);
  EXPECT_EQ(ParseRefitPolicy("every-1d12h")->kind, RefitPolicy::Kind::kDuration);
  EXPECT_EQ(ParseRefitPolicy("every-1d12h")->every_ms, 36 * kHour);
  for (const char* bad : {"", "never", "every-", "every-0", "every--1", "every-0h", "every-x"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseRefitPolicy(bad).status())) << bad;
  }
}

TEST(RefitPlanTest, FirstServesEachSeriesFromItsFirstOriginOn) {
  const auto plan =
      Plan({Series({Hours(100), Hours(150)}), Series({Hours(120), Hours(130)})}, "first");
  EXPECT_THAT(Fits(plan), ElementsAre(100, 120));
  EXPECT_THAT(Origins(plan[0]), ElementsAre(100, 150));
  EXPECT_THAT(Origins(plan[1]), ElementsAre(120, 130));
}

TEST(RefitPlanTest, EveryNCountsDifferentOriginsOfAllSeries) {
  const auto plan = Plan({Series({Hours(100), Hours(102), Hours(104)}),
                          Series({Hours(100), Hours(103), Hours(104), Hours(105)})},
                         "every-3");
  EXPECT_THAT(Fits(plan), ElementsAre(100, 104));
  EXPECT_THAT(Origins(plan[0]), ElementsAre(100, 102, 100, 103));
  EXPECT_THAT(Origins(plan[1]), ElementsAre(104, 104, 105));
}

TEST(RefitPlanTest, ADurationIsTheDaemonsPolicy) {
  const auto plan =
      Plan({Series({Hours(100), Hours(110), Hours(123), Hours(124), Hours(130), Hours(200)})},
           "every-24h");
  EXPECT_THAT(Fits(plan), ElementsAre(100, 124, 200));
  EXPECT_THAT(Origins(plan[1]), ElementsAre(124, 130));
  // Once the history has doubled the daemon does not wait for the day to be over.
  EXPECT_THAT(Fits(Plan({Series({Hours(23), Hours(46), Hours(47)})}, "every-7d")),
              ElementsAre(23, 47));
}

TEST(RefitPlanTest, TrainsNotBeforeThereIsEnoughHistory) {
  for (const char* policy : {"first", "every-1", "every-24h"}) {
    const auto plan = Plan({Series({Hours(22)})}, policy);
    EXPECT_THAT(Fits(plan), ElementsAre(-1)) << policy;
    EXPECT_THAT(Fits(Plan({Series({Hours(23)})}, policy)), ElementsAre(23)) << policy;
  }
  EXPECT_THAT(Fits(Plan({Series({Hours(22), Hours(30)})}, "every-1")), ElementsAre(-1, 30));
}

TEST(RefitPlanTest, LeavesOutOriginsBeforeAnyValue) {
  const auto plan =
      Plan({Series({Hours(100), Hours(200)}, Hours(150)), Series({Hours(100)})}, "every-24h");
  EXPECT_THAT(Fits(plan), ElementsAre(100, 200));
  EXPECT_THAT(plan[0].forecasts.size(), 1u);
  EXPECT_EQ(plan[0].forecasts[0].series, 1u);
  EXPECT_THAT(Plan({Series({})}, "first"), IsEmpty());
  EXPECT_THAT(Plan({}, "every-1"), IsEmpty());
}

TEST(RefitPlanTest, ExtraOriginsTakeTheNewestModelAndAskForNone) {
  BacktestSeries series = Series({Hours(100), Hours(124)});
  series.extra_origins_ms = {Hours(99), Hours(100), Hours(112), Hours(200)};
  const auto plan = Plan({series}, "every-24h");
  EXPECT_THAT(Fits(plan), ElementsAre(-1, 100, 124));
  EXPECT_THAT(Origins(plan[0]), ElementsAre(99));
  EXPECT_THAT(Origins(plan[1]), ElementsAre(100, 112));
  EXPECT_FALSE(plan[1].forecasts[0].extra);
  EXPECT_TRUE(plan[1].forecasts[1].extra);
  EXPECT_THAT(Origins(plan[2]), ElementsAre(124, 200));
}

}  // namespace
}  // namespace auspex
