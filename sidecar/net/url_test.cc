#include "sidecar/net/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace auspex {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST(UrlTest, EncodesEverythingButUnreservedCharacters) {
  EXPECT_EQ(UrlEncode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(UrlEncode("a b+c&{\"\n\xc3\xa9"), "a%20b%2Bc%26%7B%22%0A%C3%A9");
}

TEST(UrlTest, DecodesPaths) {
  EXPECT_EQ(UrlDecodePath("/a%20b%2Fc"), "/a b/c");
  EXPECT_EQ(UrlDecodePath("/a+b"), "/a+b");
  for (const char* broken : {"%", "%a", "/x%zz", "%0g"}) {
    EXPECT_EQ(UrlDecodePath(broken), std::nullopt) << broken;
  }
}

TEST(UrlTest, DecodesQueries) {
  struct Case {
    const char* text;
    Pairs want;
  };
  for (const Case& c : std::vector<Case>{
           {"", {}},
           {"a=1", {{"a", "1"}}},
           {"a=1&b=x%20y+z&a=2", {{"a", "1"}, {"b", "x y z"}, {"a", "2"}}},
           {"a&b=&=c&&", {{"a", ""}, {"b", ""}, {"", "c"}}},
           {"q=a=b", {{"q", "a=b"}}},
           {"match%5B%5D=up", {{"match[]", "up"}}},
       }) {
    Pairs got;
    EXPECT_TRUE(UrlDecodeQuery(c.text, &got)) << c.text;
    EXPECT_EQ(got, c.want) << c.text;
  }
  Pairs got;
  EXPECT_FALSE(UrlDecodeQuery("a=%4", &got));
}

TEST(UrlTest, DecodeUndoesEncode) {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  Pairs got;
  ASSERT_TRUE(UrlDecodeQuery("x=" + UrlEncode(all), &got));
  EXPECT_EQ(got, (Pairs{{"x", all}}));
}

}  // namespace
}  // namespace auspex
