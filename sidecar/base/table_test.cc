#include "sidecar/base/table.h"

#include <gtest/gtest.h>

#include <cmath>

namespace auspex {
namespace {

TEST(Table, PadsColumnsButNotTheLast) {
  EXPECT_EQ(FormatTable({{"A", "LONG"}, {"wide", "x"}}), "A     LONG\nwide  x\n");
}

TEST(FormatSi, ThreeDigitsAndAPrefix) {
  EXPECT_EQ(FormatSi(0), "0");
  EXPECT_EQ(FormatSi(12.3e12), "12.3T");
  EXPECT_EQ(FormatSi(999.9), "1k");
  EXPECT_EQ(FormatSi(-4.2e6), "-4.2M");
  EXPECT_EQ(FormatSi(NAN), "-");
}

TEST(FormatBar, FillsWithTheFraction) {
  EXPECT_EQ(FormatBar(0), "[" + std::string(30, '.') + "]");
  EXPECT_EQ(FormatBar(0.5), "[" + std::string(15, '#') + std::string(15, '.') + "]");
  EXPECT_EQ(FormatBar(7), "[" + std::string(30, '#') + "]");
}

TEST(FormatSeconds, RoundsToWhatMatters) {
  EXPECT_EQ(FormatSeconds(0), "0s");
  EXPECT_EQ(FormatSeconds(59), "59s");
  EXPECT_EQ(FormatSeconds(61), "1m");
  EXPECT_EQ(FormatSeconds(3 * 3600 + 20 * 60), "3h20m");
  EXPECT_EQ(FormatSeconds(2 * 86400 + 4 * 3600 + 10), "2d4h");
  EXPECT_EQ(FormatSeconds(INFINITY), "-");
}

}  // namespace
}  // namespace auspex
