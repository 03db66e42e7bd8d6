#include "sidecar/core/duration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace auspex {
namespace {

TEST(DurationTest, ParsesAndFormats) {
  const struct {
    const char* text;
    DurationMs ms;
    const char* formatted;
  } cases[] = {
      {"0", 0, "0s"},
      {"0s", 0, "0s"},
      {"5m", 5 * kMinute, "5m"},
      {"90m", 90 * kMinute, "1h30m"},
      {"1d12h", 36 * kHour, "1d12h"},
      {"24h", kDay, "1d"},
      {"14d", 14 * kDay, "2w"},
      {"90d", 90 * kDay, "90d"},
      {"1y", 365 * kDay, "1y"},
      {"1w1d", 8 * kDay, "8d"},
      {"1s500ms", 1500, "1s500ms"},
      {"007m", 7 * kMinute, "7m"},
      {"1y2w3d4h5m6s7ms",
       365 * kDay + 14 * kDay + 3 * kDay + 4 * kHour + 5 * kMinute + 6 * kSecond + 7,
       "382d4h5m6s7ms"},
  };
  for (const auto& c : cases) {
    const auto parsed = ParseDuration(c.text);
    ASSERT_TRUE(parsed.ok()) << c.text << ": " << parsed.status();
    EXPECT_EQ(*parsed, c.ms) << c.text;
    EXPECT_EQ(FormatDuration(c.ms), c.formatted);
    EXPECT_EQ(*ParseDuration(FormatDuration(c.ms)), c.ms);
  }
  EXPECT_EQ(FormatDuration(-90 * kSecond), "-1m30s");
}

TEST(DurationTest, RefusesWhatPrometheusRefuses) {
  for (const char* text : {"", "5", "m", "5 m", " 5m", "-5m", "1.5h", "5m1h", "5m5m", "5x", "1ms1s",
                           "1h30", "99999999999999999999s", "300000000y"}) {
    const auto parsed = ParseDuration(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(parsed.status().message()),
                ::testing::HasSubstr('"' + std::string(text) + '"'));
  }
}

TEST(StepTest, FloorAndCeilAlsoBeforeTheEpoch) {
  const struct {
    TimestampMs t;
    TimestampMs floor;
    TimestampMs ceil;
  } cases[] = {{0, 0, 0},    {1, 0, 10},   {9, 0, 10},      {10, 10, 10},
               {11, 10, 20}, {-1, -10, 0}, {-10, -10, -10}, {-11, -20, -10}};
  for (const auto& c : cases) {
    EXPECT_EQ(StepFloor(c.t, 10), c.floor) << c.t;
    EXPECT_EQ(StepCeil(c.t, 10), c.ceil) << c.t;
  }
}

}  // namespace
}  // namespace auspex
