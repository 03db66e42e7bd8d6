#include "sidecar/app/predict_pipeline.h"

#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <atomic>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sidecar/base/clock.h"
#include "sidecar/upstream/fake_upstream.h"

namespace auspex {
namespace {

class PredictTest : public testing::Test {
 protected:
  PredictTest() {
    options_.url = upstream_.url();
    options_.query = "sum by (user) (used)";
    options_.range_ms = 2 * kDay;
    options_.horizon_ms = 2 * kHour;
    options_.train = false;
  }

  // Two users with a constant each, in [first_ms, last_ms].
  void Serve(TimestampMs first_ms, TimestampMs last_ms) {
    upstream_.SetQueryValue([=](TimestampMs t) -> std::vector<std::pair<LabelSet, double>> {
      if (t < first_ms || t > last_ms) return {};
      return {{LabelSet({{"user", "ann"}}), 100}, {LabelSet({{"user", "bob"}}), 5}};
    });
  }

  absl::StatusOr<Prediction> Run() {
    return Predict(
        options_, [](std::string_view, double) {}, stopping_);
  }
  std::string Error() {
    const auto prediction = Run();
    EXPECT_FALSE(prediction.ok());
    return std::string(prediction.status().message());
  }

  prometheus::Registry registry_;
  FakeUpstream upstream_{registry_};
  const TimestampMs now_ms_ = SystemClock().NowMs();
  PredictOptions options_;
  std::atomic<bool> stopping_{false};
};

TEST_F(PredictTest, ForecastsEverySeriesOfTheQuery) {
  Serve(0, now_ms_ + kHour);
  options_.limit = 200;
  const auto prediction = Run();
  ASSERT_TRUE(prediction.ok()) << prediction.status();
  EXPECT_EQ(prediction->note, "not trained (--no-train)");
  ASSERT_EQ(prediction->series.aggregates_size(), 2);
  for (const v1::AggregateStatus& series : prediction->series.aggregates()) {
    const double value = series.labels().at("user") == "ann" ? 100 : 5;
    EXPECT_EQ(series.last_value(), value);
    EXPECT_EQ(series.reason(), "untrained");
    ASSERT_EQ(series.leads_size(), 4);
    EXPECT_EQ(series.leads(0).horizon(), "5m");
    EXPECT_EQ(series.leads(3).horizon(), "2h");
    EXPECT_NEAR(series.leads(3).values(1), value, 0.01 * value);
    EXPECT_EQ(series.time_to_limit_size(), 2);
  }
  ASSERT_EQ(prediction->curves.forecasts_size(), 2);
  EXPECT_GE(prediction->curves.forecasts(0).points_size(), 24);
}

TEST_F(PredictTest, SaysHowMuchHistoryTrainingNeeds) {
  options_.train = true;
  Serve(now_ms_ - 2 * kHour, now_ms_ + kHour);
  const auto prediction = Run();
  ASSERT_TRUE(prediction.ok()) << prediction.status();
  EXPECT_NE(prediction->note.find("needs 12h"), std::string::npos) << prediction->note;
}

TEST_F(PredictTest, AFailedTrainingIsANote) {
  options_.train = true;
  options_.trainer_binary = "/nonexistent/auspex-trainer";
  Serve(0, now_ms_ + kHour);
  const auto prediction = Run();
  ASSERT_TRUE(prediction.ok()) << prediction.status();
  EXPECT_NE(prediction->note.find("/nonexistent/auspex-trainer"), std::string::npos)
      << prediction->note;
}

TEST_F(PredictTest, PrometheusSaysWhatIsWrongWithAQuery) {
  upstream_.Fail("/api/v1/query_range", 400,
                 R"({"status":"error","errorType":"bad_data","error":"1:5: parse error: no"})");
  EXPECT_NE(Error().find("1:5: parse error: no"), std::string::npos);
}

TEST_F(PredictTest, SaysWhenThereIsNothingToForecast) {
  Serve(0, 0);
  EXPECT_NE(Error().find("no data"), std::string::npos);
  Serve(now_ms_ - kDay, now_ms_ - 6 * kHour);
  EXPECT_NE(Error().find("ended"), std::string::npos);
  Serve(now_ms_ - 30 * kMinute, now_ms_ + kHour);
  EXPECT_NE(Error().find("at least 12 values"), std::string::npos);
}

TEST_F(PredictTest, OptionsAreCheckedLikeARule) {
  options_.quantiles = {0.1, 0.9};
  EXPECT_NE(Error().find("0.5"), std::string::npos);
  options_.quantiles = {0.5};
  options_.horizon_ms = 7 * kMinute;
  EXPECT_NE(Error().find("multiple of the step"), std::string::npos);
  options_.step_ms = 0;
  EXPECT_NE(Error().find("step"), std::string::npos);
}

TEST_F(PredictTest, CanBeInterrupted) {
  Serve(0, now_ms_ + kHour);
  stopping_ = true;
  EXPECT_TRUE(absl::IsCancelled(Run().status()));
}

}  // namespace
}  // namespace auspex
