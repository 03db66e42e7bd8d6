#include "sidecar/core/date.h"

#include <gtest/gtest.h>

namespace auspex {
namespace {

TEST(DateTest, CountsDaysFrom1970) {
  EXPECT_EQ(*ParseDate("1970-01-01"), 0);
  EXPECT_EQ(*ParseDate("2000-03-01"), 11'017);
  EXPECT_EQ(*ParseDate("2024-02-29"), 19'782);
}

TEST(DateTest, RoundTrips) {
  for (const char* date : {"1970-01-01", "2024-02-29", "2026-12-25", "9999-12-31"}) {
    EXPECT_EQ(FormatDate(*ParseDate(date)), date);
  }
}

TEST(DateTest, RefusesWhatIsNoDate) {
  for (const char* text :
       {"", "2026", "2026-12", "2026-13-01", "2026-02-29", "2026-12-25T00", "25.12.2026",
        "2026/12/25", "1969-12-31", " 2026-12-5", "2026-12-5 ", "12026-1-01", "-026-01-01"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseDate(text).status())) << text;
  }
}

}  // namespace
}  // namespace auspex
