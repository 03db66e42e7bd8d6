#include "sidecar/core/matcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace auspex {
namespace {

using Type = Matcher::Type;

struct Case {
  Type type;
  const char* value;
  const char* label_value;
  bool matches;
};

TEST(MatcherTest, MatchesAsPrometheusDoes) {
  const Case cases[] = {
      {Type::kEqual, "a", "a", true},
      {Type::kEqual, "a", "A", false},
      {Type::kEqual, "", "", true},  // an absent label
      {Type::kNotEqual, "a", "", true},
      {Type::kNotEqual, "", "", false},
      {Type::kRegex, "a|b", "b", true},
      {Type::kRegex, "a|b", "ab", false},  // anchored around the whole alternation
      {Type::kRegex, "a", "xa", false},
      {Type::kRegex, "a|ab", "ab", true},  // any alternative that fits the whole value
      {Type::kRegex, "a.b", "a\nb", true},
      {Type::kRegex, ".*", "", true},
      {Type::kRegex, ".+", "", false},
      {Type::kRegex, "(?i)prod", "PROD", true},
      {Type::kRegex, "\\d{2}", "42", true},
      {Type::kNotRegex, "a.*", "b", true},
      {Type::kNotRegex, "a.*", "abc", false},
      {Type::kNotRegex, ".+", "", true},
  };
  for (const Case& c : cases) {
    const auto matcher = Matcher::Create(c.type, "l", c.value);
    ASSERT_TRUE(matcher.ok()) << matcher.status();
    EXPECT_EQ(matcher->Matches(c.label_value), c.matches)
        << matcher->ToString() << " on \"" << c.label_value << '"';
  }
}

TEST(MatcherTest, BadRegexIsRefusedWithItsText) {
  const auto matcher = Matcher::Create(Type::kRegex, "job", "a(");
  ASSERT_FALSE(matcher.ok());
  EXPECT_EQ(matcher.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(matcher.status().message()), ::testing::HasSubstr("\"a(\""));
  EXPECT_THAT(std::string(matcher.status().message()), ::testing::HasSubstr("job"));
}

TEST(MatcherTest, ToStringEscapes) {
  EXPECT_EQ(Matcher::Create(Type::kNotRegex, "path", "a\\.b\"\n")->ToString(),
            R"(path!~"a\\.b\"\n")");
}

}  // namespace
}  // namespace auspex
