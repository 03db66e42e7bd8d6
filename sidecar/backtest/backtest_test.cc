#include "sidecar/backtest/backtest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/testing/temp_dir.h"

namespace auspex {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

constexpr DurationMs kStep = kHour;
constexpr TimestampMs kStart = 1000 * kDay;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TimestampMs Hours(int hours) { return kStart + hours * kHour; }

// What trainers were asked.
struct TrainerLog {
  std::vector<TrainingJob> jobs;
  TimestampMs newest_seen_ms = 0;
  double interval_factor = 1;  // what it answers
};

// Untrained weights that let covariates through to the median.
model::Weights WeightsThatReadAll(const model::ModelSpec& spec) {
  const model::Weights untrained = model::UntrainedWeights(spec);
  std::vector<float> values(untrained.values().begin(), untrained.values().end());
  const auto at = [&](const char* tensor) {
    return static_cast<size_t>(model::TensorValues(spec, untrained, tensor).data() -
                               untrained.values().data());
  };
  const auto width = static_cast<size_t>(spec.decoder_width);
  const auto inputs = static_cast<size_t>(spec.target_inputs());
  const auto of_window = static_cast<size_t>(spec.window_inputs());
  for (size_t row = 0; row < width; ++row) {
    for (size_t i = model::kCandidates + model::kTargetFeatures; i < inputs; ++i) {
      values[at("decoder.target.weight") + row * inputs + i] = 0.5F;
    }
    for (size_t i = static_cast<size_t>(spec.encoder_outputs()) + model::kWindowFeatures;
         i < of_window; ++i) {
      values[at("decoder.window.weight") + row * of_window + i] = 0.5F;
    }
    values[at("decoder.output.weight") + model::kOutputCorrection * width + row] = 0.1F;
  }
  return model::Weights::FromVector(std::move(values));
}

// A model that depends on every value, time and number that it was given: the share of the last
// value in its blend is a hash of them.
class HashTrainer : public Trainer {
 public:
  HashTrainer(TrainerLog& log, absl::Status answer) : log_(log), answer_(std::move(answer)) {}

  absl::StatusOr<TrainedModels> Train(const TrainingJob& job, const TrainingObserver& observer,
                                      const CancelCheck& cancelled) override {
    uint64_t hash = job.seed;
    const auto mix = [&hash](uint64_t x) { hash = (hash ^ x) * 0x100000001b3ULL + (hash >> 29); };
    for (const AggregateId aggregate : job.aggregates) {
      const auto series = job.read(aggregate);
      if (!series.ok()) return series.status();
      mix(static_cast<uint64_t>(series->first_ms));
      for (const float value : series->values) mix(std::bit_cast<uint32_t>(value));
      for (const float value : series->covariates) mix(std::bit_cast<uint32_t>(value));
      const auto steps = static_cast<DurationMs>(series->values.size()) - 1;
      log_.newest_seen_ms =
          std::max(log_.newest_seen_ms, series->first_ms + steps * job.spec.step_ms);
    }
    log_.jobs.push_back(job);
    if (observer) observer({.stage = "base", .fraction = 0.5, .loss = 1});
    if (cancelled()) return absl::CancelledError("cancelled");
    if (!answer_.ok()) return answer_;
    const float last = static_cast<float>(hash >> 40) / static_cast<float>(1 << 24);
    TrainedModels models{.spec = job.spec, .base = WeightsThatReadAll(job.spec)};
    for (const AggregateId aggregate : job.aggregates) {
      const auto past = job.evidence.find(aggregate);
      models.aggregates.push_back({.aggregate = aggregate});
      models.aggregates.back().evidence.weight =
          1 + (past == job.evidence.end() ? 0 : past->second.weight);
    }
    models.interval_factor = log_.interval_factor;
    models.choice = {.candidate = "base+last", .own = false, .blend = {1 - last, 0, last}};
    return models;
  }

 private:
  TrainerLog& log_;
  const absl::Status answer_;
};

class BacktestTest : public testing::Test {
 protected:
  BacktestTest() {
    task_.spec.step_ms = kStep;
    task_.spec.horizon_steps = 6;
    task_.spec.context_steps = 72;
    task_.refit = {.kind = RefitPolicy::Kind::kOrigins, .origins = 2, .every_ms = 0};
    for (int s = 0; s < 2; ++s) {
      BacktestSeries series{.first_ms = kStart};
      for (int i = 0; i < 300; ++i) {
        const double daily = std::sin(i * 2 * M_PI / 24 + s);
        series.values.push_back(static_cast<float>(100 + 20 * daily + (i * 37 % 11)));
      }
      for (const int hour : {100, 113, 126, 139, 152}) series.origins_ms.push_back(Hours(hour));
      task_.series.push_back(std::move(series));
    }
  }

  absl::Status Run(std::vector<BacktestForecast>* forecasts) {
    HashTrainer trainer(log_, answer_);
    const BacktestParts parts{.trainer = trainer,
                              .engine = *engine_,
                              .directory = directory_.path(),
                              .progress =
                                  [this](double fraction) {
                                    EXPECT_GE(fraction, progress_);
                                    progress_ = fraction;
                                  },
                              .cancelled = [this] { return cancelled_; }};
    progress_ = 0;
    return RunBacktest(task_, parts, [&](const BacktestForecast& forecast) {
      forecasts->push_back(forecast);
      return sink_status_;
    });
  }
  void ExpectSecretsNotFound(std::vector<float> BacktestSeries::*values);

  std::vector<BacktestForecast> Forecasts() {
    std::vector<BacktestForecast> forecasts;
    const absl::Status status = Run(&forecasts);
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_NEAR(progress_, 1, 1e-9);
    return forecasts;
  }

  const TempDir directory_;
  const std::unique_ptr<model::Engine> engine_ = *model::CreateEngine("scalar", model::SerialFor());
  BacktestTask task_;
  TrainerLog log_;
  absl::Status answer_;
  absl::Status sink_status_;
  bool cancelled_ = false;
  double progress_ = 0;
};

// Bit by bit: NaN equals NaN.
bool Same(const std::vector<float>& a, const std::vector<float>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) {
    return std::bit_cast<uint32_t>(x) == std::bit_cast<uint32_t>(y);
  });
}
bool Same(const BacktestForecast& a, const BacktestForecast& b) {
  return a.series == b.series && a.origin_ms == b.origin_ms && a.extra == b.extra &&
         Same(a.low, b.low) && Same(a.median, b.median) && Same(a.high, b.high);
}

// Plants an enormous value after several hours, in turn: forecasts from before do not move, those
// from after it do.
void BacktestTest::ExpectSecretsNotFound(std::vector<float> BacktestSeries::*values) {
  const auto honest = Forecasts();
  ASSERT_THAT(honest, SizeIs(10));
  for (const int secret_hour : {101, 113, 127, 140}) {
    const BacktestTask task = task_;
    for (BacktestSeries& series : task_.series) {
      for (size_t i = static_cast<size_t>(secret_hour); i < (series.*values).size(); ++i) {
        (series.*values)[i] = 1e9f;
      }
    }
    const auto told = Forecasts();
    ASSERT_EQ(told.size(), honest.size());
    for (size_t i = 0; i < told.size(); ++i) {
      const bool is_past = told[i].origin_ms < Hours(secret_hour);
      EXPECT_EQ(Same(told[i], honest[i]), is_past)
          << "secret at " << secret_hour << ", origin " << (told[i].origin_ms - kStart) / kHour;
    }
    task_ = task;
  }
}

TEST_F(BacktestTest, ASecretOfTheFutureIsNotFound) {
  ExpectSecretsNotFound(&BacktestSeries::values);
}

TEST_F(BacktestTest, ASecretInACovariateIsNotFound) {
  task_.spec.covariates = {"leak"};
  for (BacktestSeries& series : task_.series) {
    for (size_t i = 0; i < series.values.size(); ++i) {
      series.covariates.push_back(static_cast<float>(i * 53 % 17));
    }
  }
  ExpectSecretsNotFound(&BacktestSeries::covariates);
}

TEST_F(BacktestTest, TrainingSeesNothingAfterItsTime) {
  task_.refit.kind = RefitPolicy::Kind::kFirst;
  Forecasts();
  ASSERT_THAT(log_.jobs, SizeIs(1));
  EXPECT_EQ(log_.newest_seen_ms, Hours(100));
}

TEST_F(BacktestTest, TrainsOnWhatTheDaemonWould) {
  std::fill_n(task_.series[1].values.begin(), 120, kNan);
  task_.series[1].origins_ms.erase(task_.series[1].origins_ms.begin());
  task_.tuning_trials = 9;
  task_.tuning_cpu_seconds_max = 90;
  Forecasts();
  ASSERT_THAT(log_.jobs, SizeIs(3));
  EXPECT_EQ(log_.jobs[0].tuning_trials, 9);
  EXPECT_EQ(log_.jobs[0].tuning_cpu_seconds_max, 90);
  EXPECT_THAT(log_.jobs[0].aggregates, ElementsAre(AggregateId{1}));
  EXPECT_THAT(log_.jobs[1].aggregates, ElementsAre(AggregateId{1}, AggregateId{2}));
  EXPECT_EQ(log_.jobs[0].own_steps_min, 72);
  EXPECT_TRUE(log_.jobs[0].per_aggregate);
  EXPECT_THAT(log_.jobs[0].spec.quantiles, ElementsAre(0.1, 0.5, 0.9));
}

TEST_F(BacktestTest, EveryFitHasASeedOfItsOwn) {
  Forecasts();
  const auto first = log_.jobs;
  log_.jobs.clear();
  Forecasts();
  std::set<uint64_t> seeds;
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(log_.jobs[i].seed, first[i].seed);
    seeds.insert(first[i].seed);
  }
  task_.seed = 2;
  log_.jobs.clear();
  Forecasts();
  for (const TrainingJob& job : log_.jobs) seeds.insert(job.seed);
  EXPECT_THAT(seeds, SizeIs(6));
}

TEST_F(BacktestTest, EveryFitKnowsWhatTheOnesBeforeItSaw) {
  std::fill_n(task_.series[1].values.begin(), 120, kNan);
  Forecasts();
  ASSERT_THAT(log_.jobs, SizeIs(3));
  EXPECT_TRUE(log_.jobs[0].evidence.empty());
  EXPECT_THAT(log_.jobs[1].evidence, SizeIs(1));
  EXPECT_EQ(log_.jobs[1].evidence[AggregateId{1}].weight, 1);
  EXPECT_EQ(log_.jobs[2].evidence[AggregateId{1}].weight, 2);
  EXPECT_EQ(log_.jobs[2].evidence[AggregateId{2}].weight, 1);
}

TEST_F(BacktestTest, IntervalsAreAsWideAsTheVersionSays) {
  task_.calibrate = false;
  const auto narrow = Forecasts();
  log_.interval_factor = 2;
  const auto wide = Forecasts();
  ASSERT_EQ(wide.size(), narrow.size());
  for (size_t i = 0; i < wide.size(); ++i) {
    EXPECT_TRUE(Same(wide[i].median, narrow[i].median));
    for (size_t k = 0; k < wide[i].median.size(); ++k) {
      const float width = narrow[i].high[k] - narrow[i].median[k];
      EXPECT_GT(width, 0);
      EXPECT_NEAR(wide[i].high[k] - wide[i].median[k], 2 * width, 1e-3);
    }
  }
}

TEST_F(BacktestTest, AnswersByRefitAndExtraOriginsLast) {
  task_.series[0].extra_origins_ms = {Hours(120), Hours(160)};
  const auto forecasts = Forecasts();
  ASSERT_THAT(forecasts, SizeIs(12));
  EXPECT_EQ(forecasts[0].origin_ms, Hours(100));
  EXPECT_TRUE(forecasts[4].extra);
  EXPECT_EQ(forecasts[4].origin_ms, Hours(120));
  EXPECT_EQ(forecasts[5].origin_ms, Hours(126));
}

TEST_F(BacktestTest, AnswersAtTheStepsThatAreScored) {
  const auto all = Forecasts();
  ASSERT_THAT(all[0].median, SizeIs(6));
  task_.score_steps = 3;
  const auto some = Forecasts();
  EXPECT_THAT(some[0].median, ElementsAre(all[0].median[2], all[0].median[5]));
  EXPECT_THAT(some[0].low, ElementsAre(all[0].low[2], all[0].low[5]));
  EXPECT_THAT(some[0].high, ElementsAre(all[0].high[2], all[0].high[5]));
}

TEST_F(BacktestTest, TooLittleHistoryLeavesTheUntrainedNetwork) {
  answer_ = absl::FailedPreconditionError("too little");
  const auto untrained = Forecasts();
  ASSERT_THAT(untrained, SizeIs(10));
  const auto model = *engine_->Prepare(task_.spec, model::UntrainedWeights(task_.spec));
  const std::vector<float>& values = task_.series[0].values;
  const std::vector<float> context(values.begin() + 101 - 72, values.begin() + 101);
  const model::ForecastItem item{model.get(), context, Hours(100), {}};
  std::vector<float> expected(6 * 3);
  ASSERT_TRUE(engine_->Forecast(task_.spec, std::span(&item, 1), expected).ok());
  for (size_t k = 0; k < 6; ++k) {
    EXPECT_EQ(untrained[0].low[k], expected[3 * k]);
    EXPECT_EQ(untrained[0].median[k], expected[3 * k + 1]);
    EXPECT_EQ(untrained[0].high[k], expected[3 * k + 2]);
  }
}

TEST_F(BacktestTest, ForecastsASeriesThatFellSilent) {
  task_.series[1].values.resize(95);
  const auto forecasts = Forecasts();
  ASSERT_THAT(forecasts, SizeIs(10));
  EXPECT_EQ(forecasts[2].series, 1u);
  EXPECT_GT(forecasts[2].median[0], 50);
  // Out of the context's reach there is nothing to say.
  task_.series[1].values.resize(20);
  EXPECT_FALSE(std::isfinite(Forecasts()[2].median[0]));
}

TEST_F(BacktestTest, ErrorsEndIt) {
  std::vector<BacktestForecast> forecasts;
  answer_ = absl::UnavailableError("it died");
  EXPECT_TRUE(absl::IsUnavailable(Run(&forecasts)));
  answer_ = absl::OkStatus();
  sink_status_ = absl::ResourceExhaustedError("disk full");
  EXPECT_TRUE(absl::IsResourceExhausted(Run(&forecasts)));
  sink_status_ = absl::OkStatus();
  cancelled_ = true;
  EXPECT_TRUE(absl::IsCancelled(Run(&forecasts)));
  cancelled_ = false;
  task_.spec.covariates = {"a"};
  EXPECT_TRUE(absl::IsInvalidArgument(Run(&forecasts)));
  task_.spec.horizon_steps = 0;
  EXPECT_TRUE(absl::IsInvalidArgument(Run(&forecasts)));
}

}  // namespace
}  // namespace auspex
