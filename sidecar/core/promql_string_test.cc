#include "sidecar/core/promql_string.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace auspex {
namespace {

TEST(PromqlStringTest, ReadsLiterals) {
  const struct {
    const char* text;
    const char* value;
    size_t length;
  } cases[] = {
      {R"("abc",)", "abc", 5},
      {R"("")", "", 2},
      {R"('it "is"')", "it \"is\"", 9},
      {R"('it\'s')", "it's", 7},
      {R"("a\\b\n\t\"")", "a\\b\n\t\"", 12},
      {R"("\x41\102\u00e9\U0001F600")", "AB\xC3\xA9\xF0\x9F\x98\x80", 26},
      {"`a\\n\nb`", "a\\n\nb", 7},
  };
  for (const auto& c : cases) {
    const auto literal = ReadPromqlString(c.text);
    ASSERT_TRUE(literal.ok()) << c.text << ": " << literal.status();
    EXPECT_EQ(literal->value, c.value) << c.text;
    EXPECT_EQ(literal->length, c.length) << c.text;
  }
}

TEST(PromqlStringTest, RefusesWhatPromqlRefuses) {
  for (const char* text : {"\"abc", "'abc\"", "`abc", "\"a\nb\"", R"("\q")", R"("\'")", R"('\"')",
                           R"("\x4")", R"("\400")", R"("\ud800")", R"("\U00110000")", "\"\\"}) {
    EXPECT_FALSE(ReadPromqlString(text).ok()) << text;
  }
}

}  // namespace
}  // namespace auspex
