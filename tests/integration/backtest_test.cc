// `auspex backtest` as a person runs it: files in, forecasts and reports out, with the real
// trainer.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "sidecar/base/file.h"
#include "tests/testing/subprocess.h"
#include "tests/testing/temp_dir.h"

namespace auspex {
namespace {

constexpr int kHistoryHours = 24 * 12;
constexpr int kHorizon = 12;
constexpr TimestampMs kStart = 20'000 * kDay;

TimestampMs Hours(int hours) { return kStart + hours * kHour; }

class BacktestCommandTest : public testing::Test {
 protected:
  // Two users with a daily rhythm; from hour `secret` on, another story.
  void WriteSeries(int secret) {
    std::string csv = "metric,labels,timestamp_ms,value\n";
    for (const char* user : {"ann", "bob"}) {
      for (int i = 0; i < kHistoryHours + 2 * kHorizon; ++i) {
        const double rhythm = 40 * std::sin(i * 2 * M_PI / 24) + i % 7;
        absl::StrAppend(&csv, "used,\"user=\"\"", user, "\"\"\",", Hours(i), ",",
                        i < secret ? 100 + rhythm : 7e6, "\n");
      }
    }
    std::ofstream(csv_) << csv;
  }
  void WriteManifest() {
    const nlohmann::json manifest = {
        {"name", "test"},
        {"step_seconds", 3600},
        {"horizon_steps", kHorizon},
        {"mase_season_steps", 24},
        {"scored_metrics", nlohmann::json::array({"used"})},
        {"origins_ms", {Hours(kHistoryHours - 25), Hours(kHistoryHours - 1)}}};
    std::ofstream(manifest_) << manifest;
  }
  // Exit status, and what it wrote.
  std::pair<int, std::string> Run(std::vector<std::string> flags) {
    const char* bin = std::getenv("AUSPEX_BIN");
    std::vector<std::string> args = {absl::StrCat(bin == nullptr ? "." : bin, "/auspex"),
                                     "backtest",
                                     "--csv",
                                     csv_,
                                     "--manifest",
                                     manifest_};
    args.insert(args.end(), flags.begin(), flags.end());
    auto process = Subprocess::Start({.args = args, .env = {}, .working_directory = ""});
    EXPECT_TRUE(process.ok()) << process.status();
    const auto status = process->Wait(5 * kMinute);
    EXPECT_TRUE(status.ok()) << process->Log();
    return {status.value_or(-1), process->Log()};
  }
  // Rows of a forecasts file from one origin.
  static std::vector<std::string> RowsFrom(const std::string& path, TimestampMs origin_ms) {
    std::vector<std::string> rows;
    const std::vector<std::string> all = absl::StrSplit(*ReadFile(path), '\n');
    for (const std::string& row : all) {
      if (row.find(absl::StrCat(",", origin_ms, ",")) != std::string::npos) rows.push_back(row);
    }
    return rows;
  }

  const TempDir dir_;
  const std::string csv_ = dir_.File("series.csv");
  const std::string manifest_ = dir_.File("series.manifest.json");
};

TEST_F(BacktestCommandTest, ForecastsAndReports) {
  WriteSeries(1'000'000);
  WriteManifest();
  const std::string out = dir_.File("out.csv");
  const auto [status, text] = Run({"--out", out, "--json", dir_.File("report.json"), "--report",
                                   dir_.File("report.html"), "--refit", "every-24h"});
  ASSERT_EQ(status, 0) << text;
  for (const char* method : {"auspex", "theta", "predict_linear"}) {
    EXPECT_NE(text.find(method), std::string::npos) << text;
  }
  EXPECT_EQ(RowsFrom(out, Hours(kHistoryHours - 1)).size(), size_t{2} * kHorizon);
  const auto report = nlohmann::json::parse(*ReadFile(dir_.File("report.json")));
  EXPECT_EQ(report.at("seed"), 1);
  EXPECT_NE(ReadFile(dir_.File("report.html"))->find("<svg"), std::string::npos);

  // Another number of jobs is another order of work, not another result; and what happens after
  // an origin changes nothing of what was said there.
  WriteSeries(kHistoryHours);
  const std::string told = dir_.File("told.csv");
  ASSERT_EQ(Run({"--out", told, "--jobs", "1", "--baselines", "false"}).first, 0);
  EXPECT_EQ(*ReadFile(told), *ReadFile(out));
}

// Each encoder is trained, exported, loaded and served, and says something of its own.
TEST_F(BacktestCommandTest, EveryCell) {
  WriteSeries(1'000'000);
  WriteManifest();
  std::set<std::string> answers;
  for (const char* cell : {"lstm", "gru", "transformer", "none"}) {
    const std::string out = dir_.File(absl::StrCat(cell, ".csv"));
    const auto [status, text] =
        Run({"--out", out, "--cell", cell, "--refit", "first", "--baselines", "false"});
    ASSERT_EQ(status, 0) << cell << "\n" << text;
    EXPECT_EQ(RowsFrom(out, Hours(kHistoryHours - 1)).size(), size_t{2} * kHorizon) << cell;
    answers.insert(*ReadFile(out));
  }
  EXPECT_EQ(answers.size(), 4U);
}

TEST_F(BacktestCommandTest, ScoresAnomaliesWithoutAManifest) {
  WriteSeries(kHistoryHours);
  const std::string out = dir_.File("scores.csv");
  const auto [status, text] = Run({"--anomaly", "--out", out});
  ASSERT_EQ(status, 0) << text;
  EXPECT_NE(text.find("2 series, 624 samples"), std::string::npos) << text;
  const std::vector<std::string> rows = absl::StrSplit(*ReadFile(out), '\n');
  ASSERT_EQ(rows.size(), size_t{2} * (kHistoryHours + 2 * kHorizon) + 2);
  EXPECT_EQ(rows[0], "metric,labels,timestamp_ms,score");
  const std::vector<std::string> first = RowsFrom(out, Hours(kHistoryHours));
  ASSERT_EQ(first.size(), 2);
  EXPECT_GT(std::stod(first[0].substr(first[0].rfind(',') + 1)), 100);

  EXPECT_NE(Run({"--anomaly"}).second.find("--out"), std::string::npos);
}

TEST_F(BacktestCommandTest, SaysWhatIsWrong) {
  WriteSeries(1'000'000);
  auto [status, text] = Run({});
  EXPECT_EQ(status, 1);
  EXPECT_NE(text.find(manifest_), std::string::npos) << text;
  WriteManifest();
  std::tie(status, text) = Run({"--refit", "sometimes"});
  EXPECT_EQ(status, 1);
  EXPECT_NE(text.find("--refit: must be first"), std::string::npos) << text;
  std::tie(status, text) = Run({"--cell", "perceptron"});
  EXPECT_EQ(status, 1);
  EXPECT_NE(text.find("must be lstm, gru, transformer or none"), std::string::npos) << text;
  std::tie(status, text) = Run({"--trainer.binary", dir_.File("none")});
  EXPECT_EQ(status, 1);
  EXPECT_NE(text.find(dir_.File("none")), std::string::npos) << text;
  std::ofstream(csv_) << "metric,labels,timestamp_ms,value\nused,,now,1\n";
  std::tie(status, text) = Run({});
  EXPECT_EQ(status, 1);
  EXPECT_NE(text.find(absl::StrCat(csv_, ":2")), std::string::npos) << text;
}

}  // namespace
}  // namespace auspex
