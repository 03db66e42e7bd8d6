#include "sidecar/backtest/manifest.h"

#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/temp_dir.h"

namespace auspex {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ManifestTest : public ::testing::Test {
 protected:
  absl::StatusOr<BacktestManifest> Read(const std::string& text) {
    std::ofstream(path_) << text;
    return ReadManifest(path_);
  }

  // The message for a manifest that is right but for `with`, which comes last and so counts.
  std::string ErrorWith(const std::string& with) {
    const auto manifest =
        Read(R"({"step_seconds": 300, "horizon_steps": 12, "mase_season_steps": 288,
                 "scored_metrics": ["m"], "origins_ms": [5], )" +
             with + "}");
    std::string message(manifest.status().message());
    EXPECT_THAT(message, HasSubstr(path_));
    return message;
  }

  TempDir dir_;
  std::string path_ = dir_.File("x.manifest.json");
};

TEST_F(ManifestTest, AllKeys) {
  const auto manifest = Read(R"({
      "name": "x", "task": "forecast", "step_seconds": 300, "score_step_seconds": 900,
      "season_steps": [288, 2016], "mase_season_steps": 96, "min_history_points": 50,
      "horizon_steps": 96, "scored_metrics": ["a", "b"], "origins_ms": [3000, 1000],
      "origins_by_labels": {"k=\"v\"": [7000, 5000]}, "time_of_day": "unknown",
      "truth_file": "x_truth.csv.gz", "unit": {"a": "bytes"},
      "covariates": ["d", "c"], "calendar": {"days": ["1970-01-03", "1970-01-02"]},
      "alert": {"used_metric": "a", "origins_ms": [1, 2], "horizon_seconds": 21600}})");
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->name, "x");
  EXPECT_EQ(manifest->step_ms, 300'000);
  EXPECT_EQ(manifest->score_step_ms, 900'000);
  EXPECT_THAT(manifest->season_steps, ElementsAre(288, 2016));
  EXPECT_EQ(manifest->mase_season_steps, 96);
  EXPECT_EQ(manifest->min_history_points, 50);
  EXPECT_EQ(manifest->horizon_steps, 96);
  EXPECT_TRUE(manifest->IsScored("b"));
  EXPECT_FALSE(manifest->IsScored("c"));
  EXPECT_THAT(manifest->covariates, ElementsAre("d", "c"));
  EXPECT_THAT(manifest->special_days, ElementsAre(1, 2));
  EXPECT_THAT(manifest->origins_ms, ElementsAre(1000, 3000));
  EXPECT_THAT(manifest->OriginsOf("k=\"v\""), ElementsAre(5000, 7000));
  EXPECT_THAT(manifest->OriginsOf("k=\"w\""), IsEmpty());
  EXPECT_FALSE(manifest->time_of_day_known);
  EXPECT_EQ(manifest->truth_file, "x_truth.csv.gz");
  EXPECT_THAT(manifest->alert_origins_ms, ElementsAre(1, 2));
  EXPECT_EQ(manifest->alert_horizon_ms, 6 * kHour);
}

TEST_F(ManifestTest, Defaults) {
  const auto manifest = Read(R"({"step_seconds": 60, "horizon_steps": 1, "mase_season_steps": 5,
                                 "scored_metrics": ["m"], "origins_ms": [5]})");
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->score_step_ms, kMinute);
  EXPECT_EQ(manifest->min_history_points, 10);
  EXPECT_THAT(manifest->season_steps, IsEmpty());
  EXPECT_THAT(manifest->OriginsOf("any"), ElementsAre(5));
  EXPECT_TRUE(manifest->time_of_day_known);
  EXPECT_EQ(manifest->alert_horizon_ms, 0);
}

TEST_F(ManifestTest, ErrorsNameFileAndKey) {
  EXPECT_THAT(ErrorWith(R"("step_seconds": 0)"), HasSubstr("\"step_seconds\" must be between 1"));
  EXPECT_THAT(ErrorWith(R"("step_seconds": "5m")"),
              HasSubstr("\"step_seconds\" must be a whole number"));
  EXPECT_THAT(ErrorWith(R"("horizon_steps": 1.5)"),
              HasSubstr("\"horizon_steps\" must be a whole number"));
  EXPECT_THAT(ErrorWith(R"("horizon_steps": 1e300)"), HasSubstr("\"horizon_steps\" must be"));
  EXPECT_THAT(ErrorWith(R"("score_step_seconds": 400)"),
              HasSubstr("\"score_step_seconds\" must be a multiple"));
  EXPECT_THAT(ErrorWith(R"("scored_metrics": [])"), HasSubstr("\"scored_metrics\" must be a list"));
  EXPECT_THAT(ErrorWith(R"("covariates": "c")"), HasSubstr("\"covariates\" must be a list"));
  EXPECT_THAT(ErrorWith(R"("calendar": {"days": ["25.12."]})"),
              HasSubstr("\"calendar.days\" must be a list of dates"));
  EXPECT_THAT(ErrorWith(R"("scored_metrics": [1])"),
              HasSubstr("\"scored_metrics\" must be a list"));
  EXPECT_THAT(ErrorWith(R"("origins_ms": 5)"), HasSubstr("\"origins_ms\" must be a list"));
  EXPECT_THAT(ErrorWith(R"("origins_by_labels": {"k": ["now"]})"),
              HasSubstr("\"origins_by_labels.k\" must be a whole number"));
  EXPECT_THAT(ErrorWith(R"("alert": {"horizon_seconds": 5})"),
              HasSubstr("\"alert.origins_ms\" is missing"));
  EXPECT_THAT(ErrorWith(R"("task": "anomaly")"), HasSubstr("\"task\" is not"));
  EXPECT_THAT(std::string(Read("{}").status().message()), HasSubstr("\"step_seconds\" is missing"));
  EXPECT_THAT(std::string(Read("[1]").status().message()), HasSubstr("must be an object"));
  EXPECT_EQ(Read("{\"step").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReadManifest("no/such/file").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace auspex
