#include "sidecar/backtest/report.h"

#include <cstddef>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sidecar/backtest/svg.h"

namespace auspex {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();
const std::vector<float> kHistory = {1, 3, 2, 4, 3, kMissing, 4, 6};
const std::vector<float> kTruth = {5, 7, 6, 8};

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

model::ScorePool Pool(const std::vector<float>& median, float spread) {
  model::ScorePool pool;
  std::vector<float> low, high;
  for (float value : median) {
    if (spread == 0) break;
    low.push_back(value - spread);
    high.push_back(value + spread);
  }
  for (const char* metric : {"cpu", "<memory>"}) {
    pool.Add(metric, model::ScoreWindow(kTruth, {low, median, high}, kHistory, 2));
  }
  return pool;
}

BacktestReport Report() {
  BacktestReport report{.name = "web <prod>",
                        .source = "web.csv.gz",
                        .step_ms = 5 * kMinute,
                        .horizon_steps = 4,
                        .season_steps = 2,
                        .series = 2,
                        .origins = 1,
                        .seed = 7};
  report.methods = {SummarizeMethod("auspex", Pool({5, 7, 6, 7}, 0.5)),
                    SummarizeMethod("last", Pool({6, 6, 6, 6}, 0)),
                    SummarizeMethod("predict_linear", Pool({60, 70, 80, 90}, 0))};
  report.examples = {{.title = R"(user="a<b&c")",
                      .origin_ms = 1748736000000,
                      .step_ms = 5 * kMinute,
                      .history = kHistory,
                      .truth = kTruth,
                      .low = {4, 6, 5, 7},
                      .median = {5, 7, 6, 7},
                      .high = {6, 8, 7, 9}}};
  return report;
}

TEST(ReportTest, TextHasATableOfMethodsAndOneByMetric) {
  const std::string text = ReportText(Report());
  EXPECT_THAT(text, HasSubstr("2 series, 1 origins, 20m ahead in steps of 5m"));
  EXPECT_THAT(text, HasSubstr("method"));
  // The only error of ours is 1 at one of 4 targets, the mean seasonal change 1.
  EXPECT_THAT(text, ContainsRegex("auspex +2 +0\\.250 "));
  EXPECT_THAT(text, ContainsRegex("last +2 .*[0-9]\\* +- "));
  EXPECT_THAT(text, HasSubstr("\n<memory>\nmethod"));
  EXPECT_THAT(text, HasSubstr("* of the median alone"));
}

TEST(ReportTest, JsonHoldsAllMeasuresAndNullForNone) {
  BacktestReport report = Report();
  report.source = "a\xff.csv";  // no UTF-8
  const auto json = nlohmann::json::parse(ReportJson(report));
  EXPECT_EQ(json["seed"], 7);
  EXPECT_EQ(json["step_seconds"], 300);
  ASSERT_EQ(json["methods"].size(), 3);
  const auto& ours = json["methods"][0];
  EXPECT_EQ(ours["method"], "auspex");
  EXPECT_EQ(ours["total"]["mase"].get<double>(), report.methods[0].total.mase);
  EXPECT_EQ(ours["total"]["coverage"], 0.75);
  EXPECT_EQ(ours["metrics"].size(), 2);
  EXPECT_EQ(ours["mase_by_quarter"].size(), 4);
  EXPECT_EQ(json["methods"][1]["total"]["coverage"], nullptr);
  EXPECT_EQ(json["methods"][1]["total"]["point_only"], true);
}

TEST(ReportTest, PageIsWholeAndNeedsNothingElse) {
  const std::string html = ReportHtml(Report());
  EXPECT_THAT(html, Not(HasSubstr("http")));
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("nan")));
  EXPECT_THAT(html, Not(HasSubstr("inf")));
  EXPECT_THAT(html, HasSubstr("web &lt;prod&gt;"));
  EXPECT_THAT(html, HasSubstr("user=&quot;a&lt;b&amp;c&quot;, from 2025-06-01 00:00 UTC"));
  EXPECT_THAT(html, HasSubstr("prefers-color-scheme: dark"));
  // Every element that is opened is closed.
  for (const std::string tag : {"svg", "table", "tr", "td", "div", "p", "h2", "g", "text"}) {
    EXPECT_EQ(Count(html, "<" + tag + ">") + Count(html, "<" + tag + " "),
              Count(html, "</" + tag + ">"))
        << tag;
  }
}

TEST(ReportTest, NothingToShowIsStillAReport) {
  EXPECT_THAT(ReportText(BacktestReport{.name = "x"}), HasSubstr("0 series"));
  EXPECT_TRUE(nlohmann::json::accept(ReportJson(BacktestReport{})));
  BacktestReport report = Report();
  report.methods = {SummarizeMethod("auspex", {})};
  report.examples = {{.title = "empty"}, {.title = "gone", .median = {kMissing}}};
  EXPECT_THAT(ReportHtml(report), Not(HasSubstr("nan")));
}

TEST(SvgTest, PathsBreakAtGaps) {
  const Axis x{0, 10, 0, 100};
  const Axis y{0, 10, 100, 0};
  EXPECT_EQ(LinePath(std::vector<float>{1, 2, kMissing, 4}, 0, x, y),
            "M0.0 90.0l0 0L10.0 80.0M30.0 60.0l0 0");
  EXPECT_EQ(
      BandPath(std::vector<float>{1, 1, kMissing, 3}, std::vector<float>{2, 2, 2, 4}, 1, x, y),
      "M10.0 80.0L20.0 80.0L20.0 90.0L10.0 90.0ZM40.0 60.0L40.0 70.0Z");
  EXPECT_EQ((Axis{3, 3, 0, 10}(3)), 5);
}

}  // namespace
}  // namespace auspex
