#include "sidecar/core/forecast.h"

#include <gtest/gtest.h>

#include <cmath>

namespace auspex {
namespace {

Forecast TwoSteps() {
  Forecast forecast;
  forecast.origin_ms = 1000;
  forecast.step_ms = 100;
  forecast.quantile_levels = {0.5, 0.9};
  forecast.values = {10, 20, 30, 60};
  forecast.last_value = 0;
  return forecast;
}

TEST(ForecastTest, AtIsLinearBetweenOriginAndTargets) {
  const Forecast forecast = TwoSteps();
  EXPECT_EQ(forecast.horizon_steps(), 2);
  const struct {
    size_t q;
    TimestampMs t;
    double value;
  } cases[] = {{0, 1000, 0}, {0, 1050, 5}, {0, 1100, 10}, {0, 1150, 20}, {0, 1200, 30},
               {1, 1000, 0}, {1, 1025, 5}, {1, 1100, 20}, {1, 1175, 50}, {1, 1200, 60}};
  for (const auto& c : cases) EXPECT_DOUBLE_EQ(forecast.At(c.q, c.t), c.value) << c.t;
}

TEST(ForecastTest, AtIsNanOutside) {
  const Forecast forecast = TwoSteps();
  EXPECT_TRUE(std::isnan(forecast.At(0, 999)));
  EXPECT_TRUE(std::isnan(forecast.At(0, 1201)));
  EXPECT_TRUE(std::isnan(forecast.At(2, 1100)));
  EXPECT_TRUE(std::isnan(Forecast().At(0, 0)));
}

TEST(ForecastTest, LevelIndex) {
  const Forecast forecast = TwoSteps();
  EXPECT_EQ(forecast.LevelIndex(0.5), 0);
  EXPECT_EQ(forecast.LevelIndex(0.3 * 3), 1);
  EXPECT_EQ(forecast.LevelIndex(0.1), -1);
}

}  // namespace
}  // namespace auspex
