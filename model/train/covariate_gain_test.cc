// What a covariate that leads the values is worth: the same histories, trained and judged with it
// and without, from fixed seeds.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "model/train/train.h"
#include "model/train/training_series_test.h"

namespace auspex::model {
namespace {

constexpr int kDay = 24;  // steps
constexpr int kSteps = 28 * kDay;
constexpr int kSeries = 8;
constexpr size_t kWait = 6;  // steps that the covariate leads by

// Work that comes in shifts of random length and size, in units of its own, beside a daily rhythm.
std::vector<double> Shifts(std::mt19937_64& random) {
  std::exponential_distribution<double> size(1);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<double> load;
  double now = 0;
  for (int t = 0; t < kSteps; ++t) {
    // About six hours of work after twelve of none.
    if (uniform(random) < (now > 0 ? 1.0 / 6 : 1.0 / 12)) now = now > 0 ? 0 : 2e6 * size(random);
    load.push_back(now + 1e5 * (1 + std::sin(2 * 3.14159265 * t / kDay)));
  }
  return load;
}

struct Led {
  std::vector<float> values;
  std::vector<float> covariate;
};

// Storage that grows by what was written to a buffer six hours ago and shrinks by what is old; the
// covariate is the rate of writing.
Led Filling(uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> noise;
  const std::vector<double> rate = Shifts(random);
  Led led;
  double used = 20;
  for (size_t t = 0; t < rate.size(); ++t) {
    used += 1e-6 * rate[t < kWait ? 0 : t - kWait] - 0.02 * used;
    led.values.push_back(static_cast<float>(used + 0.2 * noise(random)));
    led.covariate.push_back(static_cast<float>(rate[t] * (1 + 0.1 * noise(random))));
  }
  return led;
}

// Machines at work on what was queued before; the covariate is the queue.
Led Queued(uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> noise;
  const std::vector<double> queue = Shifts(random);
  Led led;
  for (size_t t = 0; t < queue.size(); ++t) {
    const double running = 50 + 1e-5 * queue[t < kWait ? 0 : t - kWait];
    led.values.push_back(static_cast<float>(running + 2 * noise(random)));
    led.covariate.push_back(static_cast<float>(queue[t] * (1 + 0.1 * noise(random))));
  }
  return led;
}

TrainJob JobOf(const std::function<Led(uint64_t)>& led, bool with_covariate) {
  TrainJob job;
  job.spec = HourlySpec();
  job.spec.horizon_steps = 8;
  job.spec.context_steps = 14 * kDay;
  job.seed = 5;
  job.per_aggregate = false;
  if (with_covariate) job.spec.covariates = {"load"};
  for (uint64_t i = 0; i < kSeries; ++i) {
    Led series = led(100 + i);
    job.series.push_back({.aggregate = static_cast<uint32_t>(i), .values = series.values});
    if (with_covariate) job.series.back().covariates = series.covariate;
  }
  return job;
}

// Error of the base's median on held-back origins.
double ErrorOf(const TrainJob& job) {
  TrainOptions options;
  options.parallel_for = TwoThreads();
  options.recipe = {.base_iterations = {150, 400}, .own_iterations = 0, .pool_windows = 1024};
  const auto result = Train(job, options);
  EXPECT_TRUE(result.ok()) << result.status();
  if (!result.ok()) return kNan;
  for (const TrainedScore& score : result->scores) {
    if (score.candidate == GateCandidate::kBase) return score.mae;
  }
  return kNan;
}

// With --gtest_output=xml the ratios of errors stand in the report.
class CovariateGainTest : public ::testing::Test {
 protected:
  double RatioOf(const TrainJob& with, const TrainJob& without) {
    const double ratio = ErrorOf(with) / ErrorOf(without);
    RecordProperty("error_ratio", std::to_string(ratio));
    return ratio;
  }
};

TEST_F(CovariateGainTest, ARateThatFillsAStorageIsRead) {
  EXPECT_LT(RatioOf(JobOf(Filling, true), JobOf(Filling, false)), 0.5);
}

TEST_F(CovariateGainTest, AQueueThatRunsLaterIsRead) {
  EXPECT_LT(RatioOf(JobOf(Queued, true), JobOf(Queued, false)), 0.8);
}

TEST_F(CovariateGainTest, AStrangerDoesLittleHarm) {
  TrainJob job = JobOf(Filling, true);
  for (size_t i = 0; i < kSeries; ++i) job.series[i].covariates = Queued(900 + i).covariate;
  EXPECT_LT(RatioOf(job, JobOf(Filling, false)), 1.1);
}

}  // namespace
}  // namespace auspex::model
