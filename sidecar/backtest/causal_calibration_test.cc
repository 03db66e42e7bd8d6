#include "sidecar/backtest/causal_calibration.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace auspex {
namespace {

constexpr DurationMs kStep = kHour;
constexpr TimestampMs kStart = 1000 * kDay;
constexpr int kHours = 24 * 60;

TimestampMs Hours(int hours) { return kStart + hours * kHour; }

class CausalCalibrationTest : public testing::Test {
 protected:
  CausalCalibrationTest() {
    task_.spec.step_ms = kStep;
    task_.spec.horizon_steps = 24;
    task_.spec.context_steps = 72;
    std::mt19937_64 random(5);
    std::normal_distribution<float> noise(100, 5);
    BacktestSeries series{.first_ms = kStart};
    for (int i = 0; i < kHours; ++i) series.values.push_back(noise(random));
    task_.series = {series, series};
  }

  // 97..103, where 93.6..106.4 would be right.
  static BacktestForecast Sure(size_t series, int hour) {
    return {.series = series,
            .origin_ms = Hours(hour),
            .low = std::vector<float>(24, 97),
            .median = std::vector<float>(24, 100),
            .high = std::vector<float>(24, 103)};
  }

  // In no order.
  static std::vector<BacktestForecast> All() {
    std::vector<BacktestForecast> forecasts;
    for (int hour = kHours - 26; hour > 72; --hour) {
      if (hour % 7 == 0) forecasts.push_back(Sure(1, hour));
      if (hour % 5 == 0) forecasts.push_back(Sure(0, hour));
    }
    return forecasts;
  }

  BacktestTask task_;
};

TEST_F(CausalCalibrationTest, CoverageBecomesRight) {
  std::vector<BacktestForecast> forecasts = All();
  CalibrateCausally(task_, &forecasts);
  int inside = 0;
  int count = 0;
  for (const BacktestForecast& forecast : forecasts) {
    if (forecast.origin_ms < Hours(24 * 20)) continue;
    const auto at = static_cast<size_t>((forecast.origin_ms - kStart) / kStep);
    for (size_t k = 0; k < 24; ++k, ++count) {
      const float truth = task_.series[forecast.series].values[at + k + 1];
      inside += forecast.low[k] <= truth && truth <= forecast.high[k] ? 1 : 0;
      EXPECT_EQ(forecast.median[k], 100);
    }
  }
  EXPECT_GT(count, 500);
  EXPECT_NEAR(static_cast<double>(inside) / count, 0.8, 0.05);
}

TEST_F(CausalCalibrationTest, OnlyWhatHadComeByTheOriginCounts) {
  std::vector<BacktestForecast> honest = All();
  CalibrateCausally(task_, &honest);
  constexpr int kSecret = 24 * 30;
  for (BacktestSeries& series : task_.series) {
    std::fill(series.values.begin() + kSecret, series.values.end(), 1e6F);
  }
  std::vector<BacktestForecast> told = All();
  CalibrateCausally(task_, &told);
  int before = 0;
  int differ = 0;
  for (size_t i = 0; i < told.size(); ++i) {
    if (told[i].origin_ms >= Hours(kSecret)) {
      differ += told[i].high != honest[i].high ? 1 : 0;
      continue;
    }
    ++before;
    EXPECT_EQ(told[i].low, honest[i].low);
    EXPECT_EQ(told[i].high, honest[i].high);
  }
  EXPECT_GT(before, 10);
  EXPECT_GT(differ, 10);
}

TEST_F(CausalCalibrationTest, TheFirstForecastIsTheModels) {
  std::vector<BacktestForecast> forecasts = {Sure(0, 100)};
  CalibrateCausally(task_, &forecasts);
  EXPECT_EQ(forecasts[0].low, Sure(0, 100).low);
  EXPECT_EQ(forecasts[0].high, Sure(0, 100).high);
}

}  // namespace
}  // namespace auspex
