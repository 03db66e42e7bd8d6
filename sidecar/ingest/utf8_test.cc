#include "sidecar/ingest/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace auspex {
namespace {

TEST(IsValidUtf8, FollowsRfc3629) {
  const struct {
    std::string text;
    bool valid;
  } kRows[] = {
      {"", true},
      {"ascii, longer than one word", true},
      {std::string("\0", 1), true},
      {"\xc3\xa9", true},           // U+00E9
      {"\xc2\x80", true},           // U+0080, the first of two bytes
      {"\xe0\xa0\x80", true},       // U+0800, the first of three
      {"\xed\x9f\xbf", true},       // U+D7FF, before the surrogates
      {"\xee\x80\x80", true},       // U+E000, after them
      {"\xf0\x90\x80\x80", true},   // U+10000, the first of four
      {"\xf4\x8f\xbf\xbf", true},   // U+10FFFF, the last
      {"\x80", false},              // continuation without lead
      {"\xc0\xaf", false},          // overlong
      {"\xc1\xbf", false},          // overlong
      {"\xe0\x9f\xbf", false},      // overlong
      {"\xf0\x8f\xbf\xbf", false},  // overlong
      {"\xed\xa0\x80", false},      // surrogate
      {"\xf4\x90\x80\x80", false},  // beyond U+10FFFF
      {"\xf5\x80\x80\x80", false},
      {"\xff", false},
      {"\xe2\x82", false},  // cut off
      {"\xe2\x82x", false},
      {"\xf0\x90\x80", false},
      {"\xc3", false},
  };
  for (const auto& row : kRows) {
    for (const std::string& before : {std::string(), std::string(3, 'a'), std::string(16, 'a')}) {
      EXPECT_EQ(IsValidUtf8(before + row.text), row.valid) << testing::PrintToString(row.text);
      EXPECT_EQ(IsValidUtf8(before + row.text + "12345678"), row.valid);
    }
  }
}

TEST(Utf8Prefix, KeepsCharactersWhole) {
  EXPECT_EQ(Utf8Prefix("abc", 3), "abc");
  EXPECT_EQ(Utf8Prefix("abc", 2), "ab");
  EXPECT_EQ(Utf8Prefix("a\xe2\x82\xac", 4), "a\xe2\x82\xac");
  EXPECT_EQ(Utf8Prefix("a\xe2\x82\xac", 3), "a");
  EXPECT_EQ(Utf8Prefix("a\xe2\x82\xac", 2), "a");
  EXPECT_EQ(Utf8Prefix("\x80\x80", 1), "");
}

}  // namespace
}  // namespace auspex
