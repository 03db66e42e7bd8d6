#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sidecar/core/matcher.h"

namespace auspex {
namespace {

using ::testing::HasSubstr;

Selector MustParse(std::string_view text) {
  auto selector = Selector::Parse(text);
  EXPECT_TRUE(selector.ok()) << text << ": " << selector.status();
  return selector.ok() ? *std::move(selector) : Selector();
}

TEST(SelectorTest, ParsesAndPrints) {
  const struct {
    const char* text;
    const char* printed;
  } cases[] = {
      {"up", "up"},
      {"job:up:sum", "job:up:sum"},
      {":odd", ":odd"},
      {"sum", "sum"},  // functions and aggregations may be metric names
      {"up{}", "up"},
      {" up { job = \"a\" , } ", R"(up{job="a"})"},
      {R"(up{a="1",b!="2",c=~"3.*",d!~"4|5"})", R"(up{a="1",b!="2",c=~"3.*",d!~"4|5"})"},
      {R"({__name__="up",job="a"})", R"(up{job="a"})"},
      {R"({__name__=~"up|down"})", R"({__name__=~"up|down"})"},
      {R"({__name__="up",__name__!="down"})", R"({__name__="up",__name__!="down"})"},
      {R"({__name__="nan"})", R"({__name__="nan"})"},
      {R"({__name__="with space"})", R"({__name__="with space"})"},
      {R"(up{a='x"y'})", R"(up{a="x\"y"})"},
      {"up{a=`x\\y`}", R"(up{a="x\\y"})"},
      {"up{ # a comment\n a=\"1\" }", R"(up{a="1"})"},
      {R"(up{on="1",by="2"})", R"(up{on="1",by="2"})"},
      {R"(up{a="1",a!="2"})", R"(up{a="1",a!="2"})"},
      {R"({a=~".+"})", R"({a=~".+"})"},
  };
  for (const auto& c : cases) {
    const Selector selector = MustParse(c.text);
    EXPECT_EQ(selector.ToString(), c.printed) << c.text;
    EXPECT_EQ(MustParse(selector.ToString()), selector) << c.text;
  }
}

TEST(SelectorTest, ErrorsNameTheColumn) {
  const struct {
    const char* text;
    const char* column;
    const char* what;
  } cases[] = {
      {"", "column 1:", "metric name"},
      {"1up", "column 1:", "metric name"},
      {"up[5m]", "column 3:", "ranges"},
      {"up offset 5m", "column 4:", "offsets"},
      {"up + 1", "column 4:", "operators"},
      {"up{job}", "column 7:", "one of = != =~ !~"},
      {"up{job==\"a\"}", "column 8:", "quoted"},
      {"up{job=a}", "column 8:", "quoted"},
      {"up{job=\"a}", "column 8:", "not terminated"},
      {"up{job=\"a\\q\"}", "column 8:", "escape"},
      {"up{job=\"a\"", "column 11:", "\",\" or \"}\""},
      {"up{job=\"a\" x=\"b\"}", "column 12:", "\",\" or \"}\""},
      {"up{,}", "column 4:", "label name"},
      {"up{a=\"1\",,}", "column 10:", "label name"},
      {"up{a:b=\"1\"}", "column 5:", "one of"},
      {"up{a=\"1\"} x", "column 11:", "after the selector"},
      {"up{x=\"1\",job=~\"(\"}", "column 10:", "regular expression"},
      {"NaN", "column 1:", "word of PromQL"},
      {"up{__name__=\"down\"}", "column 1:", "twice"},
      {"{}", "column 1:", "empty string"},
      {"{a=\"\"}", "column 1:", "empty string"},
      {"{a=~\".*\"}", "column 1:", "empty string"},
      {"{a!=\"x\",b!~\"y\"}", "column 1:", "empty string"},
  };
  for (const auto& c : cases) {
    const auto selector = Selector::Parse(c.text);
    ASSERT_FALSE(selector.ok()) << c.text;
    EXPECT_EQ(selector.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(selector.status().message()), HasSubstr(c.column)) << c.text;
    EXPECT_THAT(std::string(selector.status().message()), HasSubstr(c.what)) << c.text;
  }
}

TEST(SelectorTest, AllMatchersMustMatch) {
  const Selector selector = MustParse(R"(up{job="a",env!="dev",zone=~"|z1"})");
  const LabelSet up({{"__name__", "up"}, {"job", "a"}});
  EXPECT_TRUE(selector.Matches(up));
  EXPECT_TRUE(selector.Matches(up.With("zone", "z1").With("other", "x")));
  EXPECT_FALSE(selector.Matches(up.With("zone", "z2")));
  EXPECT_FALSE(selector.Matches(up.With("env", "dev")));
  EXPECT_FALSE(selector.Matches(up.Without("job")));
  EXPECT_FALSE(selector.Matches(up.With("__name__", "down")));
}

TEST(SelectorTest, MetricNameIsKnownWhenAnEqualityFixesIt) {
  EXPECT_EQ(MustParse("up").metric_name(), "up");
  EXPECT_EQ(MustParse(R"({__name__="up"})").metric_name(), "up");
  EXPECT_EQ(MustParse(R"({__name__=~"up"})").metric_name(), "");
  EXPECT_EQ(MustParse(R"({job="a"})").metric_name(), "");
}

}  // namespace
}  // namespace auspex
