#include "model/train/train.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "model/eval/interval_coverage.h"
#include "model/train/training_series_test.h"

namespace auspex::model {
namespace {

TrainOptions Quick() {
  TrainOptions options;
  options.parallel_for = TwoThreads();
  options.threads = 2;
  options.recipe = {.base_iterations = {20, 80}, .own_iterations = 10, .pool_windows = 512};
  return options;
}

double MaeOf(const std::vector<TrainedScore>& scores, GateCandidate candidate) {
  for (const TrainedScore& score : scores) {
    if (score.candidate == candidate) return score.mae;
  }
  return kNan;
}

void ExpectFinite(const Weights& weights) {
  EXPECT_TRUE(
      std::ranges::all_of(weights.values(), [](float value) { return std::isfinite(value); }));
}

TEST(TrainTest, BeatsTheNaiveForecastsOnANoisyDayWave) {
  TrainJob job = WaveJob(4, 24 * 21);
  job.own_steps_min = 24 * 10;
  job.series[3].values.resize(24 * 5);  // too short for weights of its own
  const auto result = Train(job, Quick());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(CheckWeights(job.spec, result->base).ok());
  EXPECT_LT(MaeOf(result->scores, GateCandidate::kBase),
            MaeOf(result->scores, GateCandidate::kSeasonalNaive));
  EXPECT_GT(BlendOf(result->choice).network, 0);
  EXPECT_FALSE(UsesOwn(result->choice));
  EXPECT_GT(result->origins, 0);
  ASSERT_EQ(result->series.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    const TrainedSeries& series = result->series[i];
    EXPECT_EQ(series.aggregate, i + 1);
    EXPECT_EQ(series.own.empty(), !UsesOwn(series.choice));
    EXPECT_EQ(std::isnan(MaeOf(series.scores, GateCandidate::kOwn)), i == 3);
  }
  EXPECT_FALSE(UsesOwn(result->series[3].choice));
}

TEST(TrainTest, DependsOnTheJobAlone) {
  const TrainJob job = WaveJob(2, 24 * 8);
  TrainOptions serial = Quick();
  serial.parallel_for = SerialFor();
  serial.threads = 1;
  const auto one = Train(job, serial);
  const auto two = Train(job, Quick());
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_TRUE(std::ranges::equal(one->base.values(), two->base.values()));
  EXPECT_EQ(one->choice, two->choice);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(one->series[i].choice, two->series[i].choice);
    EXPECT_TRUE(std::ranges::equal(one->series[i].own.values(), two->series[i].own.values()));
  }
}

// A network wins on this wave, unless many trainings have seen that the last value does.
TEST(TrainTest, ChoosesByWhatEarlierTrainingsSawToo) {
  TrainJob job = WaveJob(2, 24 * 14);
  job.per_aggregate = false;
  const auto first = Train(job, Quick());
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_GT(BlendOf(first->choice).network, 0);
  for (size_t i = 0; i < 2; ++i) {
    const GateEvidence& evidence = first->series[i].evidence;
    EXPECT_EQ(evidence.weight, 1);
    EXPECT_EQ(evidence.errors.mean[static_cast<size_t>(GateCandidate::kLast)],
              MaeOf(first->series[i].scores, GateCandidate::kLast));
    job.series[i].evidence = evidence;
    job.series[i].evidence.weight = 9;
    for (GateErrors* errors :
         {&job.series[i].evidence.errors.mean, &job.series[i].evidence.errors.typical}) {
      (*errors)[static_cast<size_t>(GateCandidate::kLast)] = 1e-3;
    }
  }
  const auto next = Train(job, Quick());
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(next->choice, GateCandidate::kLast);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(next->series[i].choice, GateCandidate::kLast);
    EXPECT_EQ(next->series[i].evidence.weight, 1 + 9 * kEvidenceKept);
    // What is reported of this training is of this training alone.
    EXPECT_EQ(MaeOf(next->series[i].scores, GateCandidate::kLast),
              MaeOf(first->series[i].scores, GateCandidate::kLast));
  }
}

// Two weeks of a wave with noise, and then, in the days that are held back, more noise.
TEST(TrainTest, HeldBackTruthsWidenTheIntervals) {
  TrainJob job = WaveJob(4, 24 * 21);
  job.per_aggregate = false;
  const auto calm = Train(job, Quick());
  ASSERT_TRUE(calm.ok()) << calm.status();
  EXPECT_GE(calm->interval_factor, 1);
  EXPECT_LT(calm->interval_factor, 1.5);
  for (TrainSeries& series : job.series) {
    for (size_t i = series.values.size() - 72; i < series.values.size(); ++i) {
      series.values[i] += i % 2 == 0 ? 20.0F : -20.0F;
    }
  }
  const auto wild = Train(job, Quick());
  ASSERT_TRUE(wild.ok()) << wild.status();
  EXPECT_GT(wild->interval_factor, calm->interval_factor);
  EXPECT_LE(wild->interval_factor, IntervalCoverage::kFactorMax);
}

TEST(TrainTest, FitsModelsOfSeveralMembers) {
  TrainJob job = WaveJob(3, 24 * 14);
  job.spec.members = 3;
  job.tuning_trials = 2;
  TrainOptions options = Quick();
  options.cpu_seconds = [] { return 0.0; };
  const auto result = Train(job, options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(CheckWeights(job.spec, result->base).ok());
  EXPECT_LT(MaeOf(result->scores, GateCandidate::kBase),
            MaeOf(result->scores, GateCandidate::kSeasonalNaive));
  for (const TrainedSeries& series : result->series) {
    EXPECT_FALSE(std::isnan(MaeOf(series.scores, GateCandidate::kOwn)));
    EXPECT_TRUE(series.own.empty() || CheckWeights(job.spec, series.own).ok());
  }
  EXPECT_EQ(result->trials.size(), 3u);
}

// What real rules hold, all at once.
TEST(TrainTest, LivesWithOddSeries) {
  TrainJob job = WaveJob(6, 24 * 10);
  std::ranges::fill(job.series[0].values, 42.0F);                      // constant
  std::ranges::fill(job.series[1].values, 0.0F);                       // zero
  std::ranges::fill(job.series[2].values, kNan);                       // nothing at all
  for (size_t i = 0; i < 240; i += 2) job.series[3].values[i] = kNan;  // half of it missing
  for (size_t i = 100; i < 220; ++i) job.series[3].values[i] = kNan;   // and five days
  job.series[4].values.resize(3);                                      // just born
  for (size_t i = 150; i < 240; ++i) job.series[5].values[i] = 1e12F;  // another world
  const auto result = Train(job, Quick());
  ASSERT_TRUE(result.ok()) << result.status();
  ExpectFinite(result->base);
  ASSERT_EQ(result->series.size(), 6u);
  for (const TrainedSeries& series : result->series) ExpectFinite(series.own);
  EXPECT_TRUE(result->series[2].scores.empty());
  EXPECT_TRUE(result->series[4].scores.empty());
}

TEST(TrainTest, LivesWithOddCovariates) {
  TrainJob job = WaveJob(4, 24 * 10);
  job.spec.covariates = {"a", "b"};
  job.spec.special_days = {19'680};
  for (TrainSeries& series : job.series) series.covariates = DayWave(2 * 24 * 10, 77);
  std::ranges::fill(job.series[0].covariates, kNan);   // none
  std::ranges::fill(job.series[1].covariates, 42.0F);  // constant
  std::fill_n(job.series[2].covariates.begin(), 24 * 9, kNan);
  for (size_t i = 200; i < 240; ++i) job.series[3].covariates[i] = 1e12F;
  const auto result = Train(job, Quick());
  ASSERT_TRUE(result.ok()) << result.status();
  ExpectFinite(result->base);
  EXPECT_TRUE(CheckWeights(job.spec, result->base).ok());
  for (const TrainedSeries& series : result->series) ExpectFinite(series.own);
}

// A day that training has never seen must not be answered with noise.
TEST(TrainTest, WhatNeverChangedKeepsNoWeight) {
  TrainJob job = WaveJob(2, 24 * 10);
  job.spec.special_days = {1};  // long before
  const auto result = Train(job, Quick());
  ASSERT_TRUE(result.ok()) << result.status();
  const auto inputs = static_cast<size_t>(job.spec.target_inputs());
  const auto weights = TensorValues(job.spec, result->base, "decoder.target.weight");
  for (size_t i = 0; i < weights.size(); ++i) {
    if (i % inputs < inputs - kSpecialDayTargetFeatures) continue;
    EXPECT_EQ(weights[i], 0) << i;
  }
}

TEST(TrainTest, LearnsFromHalfADayOfOneSeries) {
  TrainJob job = WaveJob(1, 1);
  job.spec.step_ms = 300'000;
  job.spec.horizon_steps = 288;
  job.spec.context_steps = 4032;
  job.series[0].values = DayWave(144, 3);
  const auto result = Train(job, Quick());
  ASSERT_TRUE(result.ok()) << result.status();
  ExpectFinite(result->base);
}

TEST(TrainTest, OwnModelsOnlyWhenAsked) {
  TrainJob job = WaveJob(2, 24 * 8);
  job.per_aggregate = false;
  const auto result = Train(job, Quick());
  ASSERT_TRUE(result.ok()) << result.status();
  for (const TrainedSeries& series : result->series) EXPECT_TRUE(series.own.empty());
}

TEST(TrainTest, StopsFineTuningWhenTheBudgetIsSpent) {
  TrainJob job = WaveJob(3, 24 * 8);
  job.seconds_max = 10;
  TrainOptions options = Quick();
  options.parallel_for = SerialFor();
  double now = 0;
  options.now_seconds = [&now] { return now += 6; };  // the first question already comes late
  const auto result = Train(job, options);
  ASSERT_TRUE(result.ok()) << result.status();
  ExpectFinite(result->base);
  for (const TrainedSeries& series : result->series) EXPECT_TRUE(series.own.empty());
}

TEST(TrainTest, TunesWhenAsked) {
  TrainJob job = WaveJob(2, 24 * 20);
  job.settings.learning_rate = 1e-9;  // learns nothing
  job.tuning_trials = 3;
  TrainOptions options = Quick();
  EXPECT_EQ(Train(job, options).status().code(), absl::StatusCode::kInvalidArgument);
  double cpu = 0;
  options.cpu_seconds = [&cpu] { return cpu += 0.001; };
  int tuning_reports = 0;
  options.progress = [&](const TrainProgress& p) { tuning_reports += p.stage == "tune"; };
  const auto result = Train(job, options);
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->trials.size(), 4u);
  EXPECT_EQ(result->trials[0].settings, job.settings);
  EXPECT_EQ(result->trials[1].settings, FitSettings());
  const auto chosen = std::ranges::find(result->trials, result->settings, &FitTrial::settings);
  ASSERT_NE(chosen, result->trials.end());
  EXPECT_LE(chosen->loss, result->trials[0].loss);
  EXPECT_GT(result->tuning_cpu_seconds, 0);
  EXPECT_GT(tuning_reports, 0);

  options.parallel_for = SerialFor();  // that clock is of one thread
  job.tuning_cpu_seconds_max = 1e-6;
  const auto hurried = Train(job, options);
  ASSERT_TRUE(hurried.ok()) << hurried.status();
  EXPECT_EQ(hurried->settings, job.settings);
}

TEST(TrainTest, ReportsProgressThatNeverFalls) {
  double fraction = 0;
  std::map<std::string, int, std::less<>> stages;
  TrainOptions options = Quick();
  options.progress = [&](const TrainProgress& progress) {
    EXPECT_GE(progress.fraction, fraction);
    fraction = progress.fraction;
    ++stages[std::string(progress.stage)];
  };
  ASSERT_TRUE(Train(WaveJob(2, 24 * 8), options).ok());
  EXPECT_EQ(fraction, 1);
  for (const char* stage : {"features", "base", "own", "gate"})
    EXPECT_GT(stages[stage], 0) << stage;
}

TEST(TrainTest, StopsWhenCancelledInAnyStage) {
  for (const char* stage : {"features", "base", "gate", "own"}) {
    std::atomic<bool> cancel{false};
    TrainOptions options = Quick();
    options.progress = [&](const TrainProgress& progress) { cancel = progress.stage == stage; };
    options.cancelled = [&] { return cancel.load(); };
    const auto result = Train(WaveJob(2, 24 * 8), options);
    EXPECT_EQ(result.status().code(), absl::StatusCode::kCancelled) << stage;
  }
}

TEST(TrainTest, RefusesWhatCannotBeTrained) {
  TrainJob job = WaveJob(1, 24 * 8);
  job.spec.hidden = 0;
  EXPECT_EQ(Train(job, Quick()).status().code(), absl::StatusCode::kInvalidArgument);
  job = WaveJob(1, 24 * 8);
  job.spec.covariates = {"a"};
  EXPECT_EQ(Train(job, Quick()).status().code(), absl::StatusCode::kInvalidArgument);
  job = WaveJob(1, 24 * 8);
  job.spec.features_version = 1;
  EXPECT_EQ(Train(job, Quick()).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Train(WaveJob(0, 0), Quick()).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Train(WaveJob(3, 10), Quick()).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace auspex::model
