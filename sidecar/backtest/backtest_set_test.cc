#include "sidecar/backtest/backtest_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "sidecar/core/sample.h"
#include "tests/testing/temp_dir.h"

namespace auspex {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

BacktestSet SmallSet() {
  BacktestSet set;
  set.manifest.step_ms = set.manifest.score_step_ms = kMinute;
  set.manifest.horizon_steps = 2;
  set.manifest.scored_metrics = {"m"};
  set.manifest.origins_ms = {kHour + 10 * kSecond};
  set.observed = {
      {.metric = "m",
       .labels = "",
       .timestamps_ms = {kHour - kMinute, kHour + 10 * kSecond, kHour + 2 * kMinute + 10 * kSecond},
       .values = {1, 2, 3}}};
  return set;
}

TEST(BacktestSetTest, TheGridIsThatOfTheOrigins) {
  const auto series = SeriesOf(SmallSet());
  ASSERT_TRUE(series.ok()) << series.status();
  ASSERT_THAT(*series, SizeIs(1));
  EXPECT_EQ((*series)[0].first_ms, kHour - 110 * kSecond);
  const auto& values = (*series)[0].values;
  ASSERT_THAT(values, SizeIs(5));
  EXPECT_TRUE(IsMissing(values[0]));  // beside the grid
  EXPECT_TRUE(IsMissing(values[1]));
  EXPECT_EQ(values[2], 2);
  EXPECT_TRUE(IsMissing(values[3]));
  EXPECT_EQ(values[4], 3);
}

TEST(BacktestSetTest, CovariatesAreJoinedOnEqualLabels) {
  BacktestSet set = SmallSet();
  set.observed.push_back(set.observed[0]);
  set.observed[1].labels = "k=\"v\"";
  set.manifest.covariates = {"b", "a"};
  const TimestampMs first_ms = kHour - 110 * kSecond;
  set.covariates = {
      {.metric = "a",
       .labels = "",
       .timestamps_ms = {first_ms - kMinute, first_ms, first_ms + 5},
       .values = {1, 2, 3}},
      {.metric = "a", .labels = "k=\"w\"", .timestamps_ms = {first_ms}, .values = {4}},
      {.metric = "b",
       .labels = "k=\"v\"",
       .timestamps_ms = {first_ms + 4 * kMinute},
       .values = {5}}};
  const auto series = SeriesOf(set);
  ASSERT_TRUE(series.ok()) << series.status();
  ASSERT_THAT(*series, SizeIs(2));
  const auto at = [&](size_t i, size_t row, size_t step) {
    return (*series)[i].covariates[row * 5 + step];
  };
  ASSERT_THAT((*series)[0].covariates, SizeIs(10));
  EXPECT_TRUE(IsMissing(at(0, 0, 4)));
  EXPECT_EQ(at(0, 1, 0), 2);
  EXPECT_TRUE(IsMissing(at(0, 1, 1)));  // beside the grid
  EXPECT_EQ(at(1, 0, 4), 5);
  EXPECT_TRUE(IsMissing(at(1, 1, 0)));
}

TEST(BacktestSetTest, RefusesOriginsWithoutACommonGrid) {
  BacktestSet set = SmallSet();
  set.manifest.origins_ms.push_back(2 * kHour);
  EXPECT_THAT(std::string(SeriesOf(set).status().message()),
              HasSubstr("the origin 7200000 of m{}"));
  set = SmallSet();
  set.manifest.alert_origins_ms = {kHour};
  EXPECT_THAT(std::string(SeriesOf(set).status().message()), HasSubstr("3600000"));
}

TEST(BacktestSetTest, RefusesASeriesWithoutEnd) {
  BacktestSet set = SmallSet();
  set.observed[0].timestamps_ms.back() = 100'000'000 * kMinute;
  EXPECT_THAT(std::string(SeriesOf(set).status().message()), HasSubstr("steps, more than"));
}

TEST(BacktestSetTest, TheSpecCountsNativeSteps) {
  BacktestManifest manifest;
  manifest.step_ms = 5 * kMinute;
  manifest.score_step_ms = 15 * kMinute;
  manifest.horizon_steps = 96;
  const model::ModelSpec spec = SpecOf(manifest);
  EXPECT_EQ(spec.horizon_steps, 288);
  EXPECT_EQ(spec.context_steps, 14 * 288);
  EXPECT_TRUE(spec.Validate().ok());
  manifest.step_ms = manifest.score_step_ms = kSecond;
  EXPECT_TRUE(SpecOf(manifest).Validate().ok());
}

TEST(BacktestSetTest, ReadsWhatIsScored) {
  const TempDir dir;
  const std::string csv = dir.File("s.csv");
  const std::string manifest = dir.File("s.manifest.json");
  std::ofstream(csv) << "metric,labels,timestamp_ms,value\nm,,60000,1\nquota,,60000,9\n";
  const auto write_manifest = [&](const std::string& more) {
    std::ofstream(manifest) << R"({"step_seconds": 60, "horizon_steps": 1, "mase_season_steps": 1,
        "scored_metrics": ["m"], "origins_ms": [60000])"
                            << more << "}";
  };
  write_manifest("");
  auto set = ReadBacktestSet(csv, manifest);
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_THAT(set->observed, SizeIs(1));
  EXPECT_EQ(&set->truth(), &set->observed);

  write_manifest(R"(, "truth_file": "clean.csv")");
  EXPECT_THAT(std::string(ReadBacktestSet(csv, manifest).status().message()),
              HasSubstr("clean.csv"));
  std::ofstream(dir.File("clean.csv")) << "metric,labels,timestamp_ms,value\nm,,60000,2\nq,,0,9\n";
  set = ReadBacktestSet(csv, manifest);
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_THAT(set->truth(), SizeIs(1));
  EXPECT_THAT(set->truth()[0].values, ElementsAre(2));

  write_manifest(R"(, "covariates": ["quota"], "calendar": {"days": ["1970-01-02"]})");
  set = ReadBacktestSet(csv, manifest);
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_THAT(set->covariates, SizeIs(1));
  EXPECT_THAT(set->covariates[0].values, ElementsAre(9));
  EXPECT_THAT(SpecOf(set->manifest).covariates, ElementsAre("quota"));
  EXPECT_THAT(SpecOf(set->manifest).special_days, ElementsAre(1));
  write_manifest(R"(, "covariates": ["written"])");
  EXPECT_THAT(std::string(ReadBacktestSet(csv, manifest).status().message()),
              HasSubstr("covariate written"));

  write_manifest(R"(, "scored_metrics": ["other"])");
  EXPECT_TRUE(absl::IsNotFound(ReadBacktestSet(csv, manifest).status()));
}

}  // namespace
}  // namespace auspex
