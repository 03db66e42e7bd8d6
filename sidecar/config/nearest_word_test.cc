#include "sidecar/config/nearest_word.h"

#include <gtest/gtest.h>

namespace auspex {
namespace {

TEST(NearestWordTest, FindsTheLikeliest) {
  const std::vector<std::string> known = {"horizon", "interval", "step", "selector", "by"};
  EXPECT_EQ(NearestWord("horizont", known), "horizon");
  EXPECT_EQ(NearestWord("setp", known), "step");
  EXPECT_EQ(NearestWord("intrval", known), "interval");
  EXPECT_EQ(NearestWord("b", known), "by");
  EXPECT_EQ(NearestWord("colour", known), "");
  EXPECT_EQ(NearestWord("x", {}), "");
}

}  // namespace
}  // namespace auspex
