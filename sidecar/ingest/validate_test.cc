#include "sidecar/ingest/validate.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sidecar/ingest/bad_series_report.h"

namespace auspex {
namespace {

TEST(ValidateLabels, SaysWhichLabelIsAtFault) {
  const LabelLimits limits = {.name_bytes_max = 10, .value_bytes_max = 20};
  const std::string long_text(21, 'x');
  const struct {
    std::vector<LabelView> labels;
    const char* problem;  // "": good
  } kRows[] = {
      {{{"__name__", "up"}}, ""},
      {{{"__name__", "up"}, {"a", "1"}, {"b", "1"}}, ""},
      {{{"b", "1"}, {"a", "1"}, {"__name__", "up"}}, ""},
      {{{"__name__", "up"}, {"a", ""}}, ""},
      {{{"__name__", "caf\xc3\xa9"}, {"with-dash", "x\ny"}, {"__x", "z"}}, ""},
      {{}, "no labels"},
      {{{"a", "1"}}, "no metric name (label __name__)"},
      {{{"__name__", ""}}, "no metric name (label __name__)"},
      {{{"", "v"}, {"__name__", "up"}}, "the label with value \"v\" has an empty name"},
      {{{"__name__", "up"}, {"a", "1"}, {"a", "2"}}, "label name \"a\" occurs twice"},
      {{{"a", "1"}, {"__name__", "up"}, {"a", "1"}}, "label name \"a\" occurs twice"},
      {{{"__name__", "up"}, {"__name__", "up"}}, "label name \"__name__\" occurs twice"},
      {{{"__name__", "\xff"}}, "label \"__name__\" has the value \"\\xff\", which is not UTF-8"},
      {{{"\xffname", "x"}, {"__name__", "up"}}, "label name \"\\xffname\" is not UTF-8"},
      {{{"__name__", "up"}, {"a", long_text}}, "label \"a\" has a value of 21 bytes, limit 20"},
      {{{"__name__", "up"}, {long_text, "1"}},
       "label name \"xxxxxxxxxxxxxxxxxxxxx\" has 21 bytes, limit 10"},
  };
  for (const auto& row : kRows) {
    const auto name = ValidateLabels(row.labels, limits);
    EXPECT_EQ(name.status().message(), row.problem);
  }
  EXPECT_EQ(*ValidateLabels(kRows[2].labels, limits), "up");
}

TEST(BadSeriesReport, IsBounded) {
  BadSeriesReport report;
  EXPECT_TRUE(report.empty());
  const std::string huge(1 << 20, 'v');
  const std::vector<LabelView> labels(1000, {huge, huge});
  for (int i = 0; i < 1000; ++i) report.Add(labels, "bad");
  const std::string text = report.Text();
  EXPECT_LT(text.size(), 8192u);
  EXPECT_EQ(text.substr(text.rfind('\n')), "\nand 990 more");
  report.Clear();
  EXPECT_TRUE(report.empty());
  report.Add(std::vector<LabelView>{{"a", "x\"\n"}, {"b", "\xff"}}, "bad");
  EXPECT_EQ(report.Text(), "series {a=\"x\\\"\\n\", b=\"\\xff\"}: bad");
}

}  // namespace
}  // namespace auspex
