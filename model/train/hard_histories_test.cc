// Histories as real rules have them, from training through the gate to the forecast that would be
// served: each kind must train, and what is published must hold against the naive forecasts on the
// day that follows.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "model/engine/engine.h"
#include "model/train/train.h"
#include "model/train/training_series_test.h"

namespace auspex::model {
namespace {

constexpr int kDay = 24;  // steps
constexpr int kSeries = 3;
constexpr int kThreeWeeks = 22 * kDay;  // and the day to forecast

// One kind of history: `value` at step i of series s, the last day of which is the truth.
struct Kind {
  std::string name;
  int steps = 0;
  int step_minutes = 60;
  std::function<double(int i, int s)> value;
  bool exact = false;  // without noise
};
std::ostream& operator<<(std::ostream& out, const Kind& kind) { return out << kind.name; }

double Wave(int i, int s) { return 100 + 40 * std::sin(2 * 3.14159265 * (i + 3 * s) / kDay); }

// Within 2 either way, the same for the same step and series.
double Noise(int i, int s) {
  const auto hash = static_cast<uint32_t>(i * 2654435761U + static_cast<uint32_t>(s) * 40503U);
  return (hash >> 16) % 1000 / 250.0 - 2;
}

std::vector<Kind> Kinds() {
  std::vector<Kind> kinds;
  const auto add = [&](std::string name, std::function<double(int, int)> value,
                       int steps = kThreeWeeks, int step_minutes = 60) {
    kinds.push_back({std::move(name), steps, step_minutes, std::move(value)});
  };
  // A different day in each week has no values.
  add("missing_days", [](int i, int s) {
    const int day = i / kDay;
    return day == 3 || day == 9 + s || day == 17 ? kNan : Wave(i, s) + Noise(i, s);
  });
  // Everything is gone for two days, back for one, gone for hours, and back only just.
  add("outage", [](int i, int s) {
    const bool gone = (i >= 16 * kDay && i < 18 * kDay) || (i >= 20 * kDay && i < 21 * kDay - 6);
    return gone ? kNan : Wave(i, s) + Noise(i, s);
  });
  add("level_shift",
      [](int i, int s) { return Wave(i, s) + Noise(i, s) + (i >= 17 * kDay ? 500 * (s + 1) : 0); });
  add("zeros", [](int, int) { return 0.0; });
  kinds.back().exact = true;
  // Idle but for an hour in the morning.
  add("mostly_zero", [](int i, int s) { return i % kDay == 9 + s ? 50 + Noise(i, s) : 0.0; });
  // A quota that is raised every few days.
  add("steps", [](int i, int s) {
    const int raised = (i + 40 * s) / (5 * kDay);
    return 1000.0 * (1 + raised);
  });
  kinds.back().exact = true;
  add(
      "half_a_day", [](int i, int s) { return 100 + i / 60.0 + Noise(i, s); }, 12 * 12 + 24, 5);
  add(
      "a_year",
      [](int i, int s) {
        return Wave(i, s) + Noise(i, s) + 30 * std::sin(2 * 3.14159265 * i / (365 * kDay));
      },
      365 * kDay);
  return kinds;
}

// How far ahead: what the histories of half a day leave room for.
int TruthSteps(const Kind& kind) { return std::min(kDay, kind.steps / 4); }

TrainJob JobOf(const Kind& kind) {
  TrainJob job;
  job.spec = HourlySpec();
  job.spec.step_ms = kind.step_minutes * 60'000;
  job.spec.horizon_steps = TruthSteps(kind);
  job.seed = 7;
  for (int s = 0; s < kSeries; ++s) {
    TrainSeries series{.aggregate = static_cast<uint32_t>(s + 1), .first_ms = 1'772'409'600'000};
    for (int i = 0; i < kind.steps - TruthSteps(kind); ++i) {
      series.values.push_back(static_cast<float>(kind.value(i, s)));
    }
    job.series.push_back(std::move(series));
  }
  return job;
}

// What the daemon would serve for a series: [horizon][quantiles].
std::vector<float> Published(const TrainJob& job, const TrainResult& result, size_t s) {
  auto engine = CreateEngine("auto", SerialFor());
  EXPECT_TRUE(engine.ok()) << engine.status();
  const TrainedSeries& trained = result.series[s];
  const auto model =
      (*engine)->Prepare(job.spec, UsesOwn(trained.choice) ? trained.own : result.base);
  EXPECT_TRUE(model.ok()) << model.status();
  const std::vector<float>& values = job.series[s].values;
  std::vector<float> context(static_cast<size_t>(job.spec.context_steps), kNan);
  const size_t known = std::min(values.size(), context.size());
  std::copy_n(values.end() - static_cast<std::ptrdiff_t>(known), known,
              context.end() - static_cast<std::ptrdiff_t>(known));
  const int64_t origin_ms =
      job.series[s].first_ms + static_cast<int64_t>(values.size() - 1) * job.spec.step_ms;
  const ForecastItem item = {model->get(), context, origin_ms, BlendOf(trained.choice)};
  std::vector<float> out(static_cast<size_t>(job.spec.horizon_steps) * job.spec.quantiles.size());
  const absl::Status status = (*engine)->Forecast(job.spec, {&item, 1}, out);
  EXPECT_TRUE(status.ok()) << status;
  return out;
}

// The newest value at or before i.
double Known(const Kind& kind, int i, int s) {
  for (; i > 0 && std::isnan(kind.value(i, s)); --i) {
  }
  return kind.value(i, s);
}

class HardHistoriesTest : public testing::TestWithParam<Kind> {};

TEST_P(HardHistoriesTest, TrainGateAndForecastHold) {
  const Kind& kind = GetParam();
  const TrainJob job = JobOf(kind);
  TrainOptions options;
  options.parallel_for = TwoThreads();
  options.recipe = {.base_iterations = {20, 80}, .own_iterations = 10, .pool_windows = 512};
  const auto result = Train(job, options);
  ASSERT_TRUE(result.ok()) << result.status();
  double ours = 0;
  double last = 0;
  double seasonal = 0;
  const int first = kind.steps - TruthSteps(kind);
  for (int s = 0; s < kSeries; ++s) {
    const std::vector<float> out = Published(job, *result, static_cast<size_t>(s));
    for (int k = 0; k < TruthSteps(kind); ++k) {
      const float* row = &out[static_cast<size_t>(k) * 3];
      ASSERT_TRUE(std::isfinite(row[0]) && std::isfinite(row[1]) && std::isfinite(row[2]));
      EXPECT_LE(0, row[0]);
      EXPECT_LE(row[0], row[1]);
      EXPECT_LE(row[1], row[2]);
      const double truth = kind.value(first + k, s);
      ours += std::abs(row[1] - truth);
      last += std::abs(Known(kind, first - 1, s) - truth);
      seasonal += std::abs(Known(kind, std::max(0, first + k - kDay), s) - truth);
    }
  }
  RecordProperty("mae_ours", std::to_string(ours));
  // A quarter of the noise each: the fits are short, and so is the truth.
  const double allowed = kind.exact ? 1e-3 : 0.5 * kSeries * TruthSteps(kind);
  EXPECT_LE(ours, 1.1 * std::min(last, seasonal) + allowed)
      << "last " << last << ", seasonal " << seasonal;
}

INSTANTIATE_TEST_SUITE_P(Kinds, HardHistoriesTest, testing::ValuesIn(Kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace auspex::model
