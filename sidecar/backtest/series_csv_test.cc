#include "sidecar/backtest/series_csv.h"

#include <zlib.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sidecar/base/file.h"
#include "tests/testing/temp_dir.h"

namespace auspex {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

class SeriesCsvTest : public ::testing::Test {
 protected:
  std::string Plain(const std::string& text) {
    std::ofstream(path_) << text;
    return path_;
  }
  std::string Gzip(const std::string& text) {
    gzFile file = gzopen(path_.c_str(), "wb");
    EXPECT_EQ(gzwrite(file, text.data(), static_cast<unsigned>(text.size())),
              static_cast<int>(text.size()));
    EXPECT_EQ(gzclose(file), Z_OK);
    return path_;
  }
  std::string ErrorOf(const std::string& text) {
    return std::string(ReadSeriesCsv(Plain(text)).status().message());
  }

  TempDir dir_;
  std::string path_ = dir_.File("series");
};

constexpr char kText[] =
    "metric,labels,timestamp_ms,value\n"
    "b,\"x=\"\"1\"\",y=\"\"a,b\"\"\",2000,1.5\n"
    "a,,3000,-2e3\r\n"
    "\n"
    "b,\"x=\"\"1\"\",y=\"\"a,b\"\"\",1000,+4\n"
    "a,,4000,\n"
    "a,,5000,NaN\n"
    "a,,3000,7";

void ExpectSeriesOfText(const absl::StatusOr<std::vector<CsvSeries>>& series) {
  ASSERT_TRUE(series.ok()) << series.status();
  ASSERT_EQ(series->size(), 2);
  const CsvSeries& a = series->at(0);
  EXPECT_EQ(a.metric, "a");
  EXPECT_EQ(a.labels, "");
  EXPECT_THAT(a.timestamps_ms, ElementsAre(3000, 3000));
  EXPECT_THAT(a.values, ElementsAre(-2000, 7));
  const CsvSeries& b = series->at(1);
  EXPECT_EQ(b.labels, R"(x="1",y="a,b")");
  EXPECT_THAT(b.timestamps_ms, ElementsAre(1000, 2000));
  EXPECT_THAT(b.values, ElementsAre(4, 1.5));
}

TEST_F(SeriesCsvTest, ReadsPlainAndGzip) {
  ExpectSeriesOfText(ReadSeriesCsv(Plain(kText)));
  ExpectSeriesOfText(ReadSeriesCsv(Gzip(kText)));
}

TEST_F(SeriesCsvTest, ColumnsInAnyOrder) {
  const auto series = ReadSeriesCsv(Plain("value,unit,timestamp_ms,metric,labels\n5,s,9,m,l\n"));
  ASSERT_TRUE(series.ok()) << series.status();
  EXPECT_EQ(series->at(0).metric, "m");
  EXPECT_EQ(series->at(0).labels, "l");
  EXPECT_THAT(series->at(0).timestamps_ms, ElementsAre(9));
  EXPECT_THAT(series->at(0).values, ElementsAre(5));
}

TEST_F(SeriesCsvTest, ErrorsNameFileAndLine) {
  const std::string header = "metric,labels,timestamp_ms,value\n";
  EXPECT_EQ(ErrorOf(header + "m,,1,2\nm,,soon,2\n"), path_ + ":3: no time in milliseconds: soon");
  // A quoted line break counts as a line.
  EXPECT_EQ(ErrorOf(header + "m,\"a\nb\",1,2\nm,,1,much\n"), path_ + ":4: no number: much");
  EXPECT_EQ(ErrorOf(header + "m,,9223372036854775807,2\n"),
            path_ + ":2: no time in milliseconds: 9223372036854775807");
  EXPECT_EQ(ErrorOf(header + "m,1\n"), path_ + ":2: a row of 2 fields is too short");
  EXPECT_EQ(ErrorOf(header + "m,\"l,1,2\n"), path_ + ":2: a quote is not closed");
  EXPECT_EQ(ErrorOf(header + "m,\"l\"x,1,2\n"),
            path_ + ":2: a comma is missing after a closing quote");
  EXPECT_EQ(ErrorOf("metric,timestamp_ms,value\n"), path_ + ":1: the header has no column labels");
  EXPECT_EQ(ErrorOf(""), path_ + ":1: the file is empty");
  EXPECT_EQ(ReadSeriesCsv("no/such/file").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReadSeriesCsv(Plain(kText), 3).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(SeriesCsvTest, QuoteWithoutAnEndDoesNotReadTheWholeFile) {
  const std::string endless = "metric,labels,timestamp_ms,value\nm,\"" + std::string(5 << 20, 'x');
  EXPECT_THAT(ErrorOf(endless), HasSubstr(":2: this line, or quoted field, does not end"));
}

TEST_F(SeriesCsvTest, TornGzipIsAnError) {
  std::string text = "metric,labels,timestamp_ms,value\n";
  for (int i = 0; i < 1000; ++i) text += "m,," + std::to_string(i * i) + ",2\n";
  const auto whole = ReadFile(Gzip(text));
  ASSERT_TRUE(whole.ok());
  ASSERT_EQ(ReadSeriesCsv(path_)->at(0).values.size(), 1000);
  EXPECT_THAT(ErrorOf(whole->substr(0, whole->size() / 2)), HasSubstr("cannot decompress"));
  std::string flipped = *whole;
  flipped[flipped.size() / 2] ^= 1;
  EXPECT_FALSE(ReadSeriesCsv(Plain(flipped)).ok());
}

TEST_F(SeriesCsvTest, ManyBlocksOfRows) {
  std::string text = "metric,labels,timestamp_ms,value\n";
  for (int i = 0; i < 200'000; ++i) {
    text += "m,\"pod=\"\"" + std::to_string(i % 7) + "\"\"\"," + std::to_string(i) + ",1\n";
  }
  const auto series = ReadSeriesCsv(Plain(text));
  ASSERT_TRUE(series.ok()) << series.status();
  ASSERT_EQ(series->size(), 7);
  size_t rows = 0;
  for (const CsvSeries& one : *series) rows += one.values.size();
  EXPECT_EQ(rows, 200'000);
}

class ForecastCsvTest : public SeriesCsvTest {
 protected:
  // What is written to a file of that name.
  std::string Written(const std::string& name, const std::vector<CsvForecast>& forecasts) {
    auto writer = ForecastCsvWriter::Open(dir_.File(name));
    EXPECT_TRUE(writer.ok()) << writer.status();
    for (const CsvForecast& forecast : forecasts) EXPECT_TRUE(writer->Write(forecast).ok());
    EXPECT_TRUE(writer->Close().ok());
    gzFile file = gzopen(dir_.File(name).c_str(), "rb");
    std::string text(1 << 16, '\0');
    text.resize(static_cast<size_t>(gzread(file, text.data(), 1 << 16)));
    gzclose(file);
    return text;
  }
};

TEST_F(ForecastCsvTest, WritesRowsPlainAndGzip) {
  const std::vector<float> low = {0.1F, kMissing};
  const std::vector<float> median = {1.0F / 3, 3e13F};
  const std::vector<float> high = {2, 4};
  const std::vector<CsvForecast> forecasts = {
      {"m", R"(a="x",b="y")", 60'000, 30'000, low, median, high},
      {"m", "", 0, 1000, {}, median, {}}};
  const std::string text =
      "metric,labels,origin_ms,target_ms,q10,q50,q90\n"
      "m,\"a=\"\"x\"\",b=\"\"y\"\"\",60000,90000,0.1,0.33333334,2\n"
      "m,\"a=\"\"x\"\",b=\"\"y\"\"\",60000,120000,,3e+13,4\n"
      "m,,0,1000,,0.33333334,\n"
      "m,,0,2000,,3e+13,\n";
  EXPECT_EQ(Written("f.csv", forecasts), text);
  EXPECT_EQ(Written("f.csv.gz", forecasts), text);
  EXPECT_EQ(*ReadFile(dir_.File("f.csv")), text);
  EXPECT_TRUE(ReadFile(dir_.File("f.csv.gz"))->starts_with("\x1f\x8b"));
}

TEST_F(ForecastCsvTest, ErrorsNameTheFile) {
  const auto writer = ForecastCsvWriter::Open("no/such/folder/f.csv");
  EXPECT_THAT(std::string(writer.status().message()), HasSubstr("no/such/folder/f.csv"));
  auto full = ForecastCsvWriter::Open("/dev/full");
  ASSERT_TRUE(full.ok()) << full.status();
  EXPECT_THAT(std::string(full->Close().message()), HasSubstr("/dev/full"));
  EXPECT_FALSE(full->Close().ok());
}

}  // namespace
}  // namespace auspex
