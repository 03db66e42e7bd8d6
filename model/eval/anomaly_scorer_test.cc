#include "model/eval/anomaly_scorer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace auspex::model {
namespace {

using ::testing::Each;
using ::testing::Gt;
using ::testing::Le;
using ::testing::Lt;

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();
constexpr int kDay = 24;
constexpr int kWeek = 7 * kDay;

ModelSpec Hourly() {
  ModelSpec spec;
  spec.step_ms = 3'600'000;
  spec.context_steps = 14 * kDay;
  return spec;
}

// A daily rhythm with noise of up to 1 to either side.
std::vector<float> Rhythm(int steps) {
  std::vector<float> values;
  for (int i = 0; i < steps; ++i) {
    const double noise = (i * 7919 % 201) / 100.0 - 1;
    values.push_back(static_cast<float>(50 + 20 * std::sin(i * 2 * M_PI / kDay) + noise));
  }
  return values;
}

std::vector<double> ScoresOf(const std::vector<float>& values) {
  const ModelSpec spec = Hourly();
  const SeriesIndex series(spec, values, 0);
  AnomalyScorer scorer(spec);
  std::vector<double> scores;
  for (int i = 0; i < series.size(); ++i) {
    const float value = values[static_cast<size_t>(i)];
    scores.push_back(std::isnan(value) ? 0 : scorer.Score(value));
    scorer.Close(series, i);
  }
  return scores;
}

TEST(AnomalyScorerTest, ARhythmIsNormalAndABreakOfItIsNot) {
  std::vector<float> values = Rhythm(4 * kWeek);
  const std::vector<double> normal = ScoresOf(values);
  EXPECT_THAT(std::vector(normal.begin() + kWeek, normal.end()), Each(Lt(2)));
  // Another value that the rhythm does reach, but not at this time of day.
  const size_t night = 3 * kWeek + 18;
  values[night] = values[night - 12];
  EXPECT_GT(ScoresOf(values)[night], 5);
}

TEST(AnomalyScorerTest, AskingDoesNotTeach) {
  const ModelSpec spec = Hourly();
  const std::vector<float> values = Rhythm(2 * kWeek);
  const SeriesIndex series(spec, values, 0);
  AnomalyScorer scorer(spec);
  for (int i = 0; i < series.size(); ++i) scorer.Close(series, i);
  const double first = scorer.Score(1000);
  EXPECT_GT(first, 10);
  EXPECT_EQ(scorer.Score(1000), first);
}

TEST(AnomalyScorerTest, WhatTheLastWeekHeldIsNormal) {
  std::vector<float> values = Rhythm(6 * kWeek);
  for (const size_t day : {20U, 23U, 33U}) values[day * kDay + 5] = 500;
  const std::vector<double> scores = ScoresOf(values);
  EXPECT_GT(scores[20 * kDay + 5], 10);
  EXPECT_LT(scores[23 * kDay + 5], 1.2);  // three days later: it has happened before
  EXPECT_GT(scores[33 * kDay + 5], 2);    // ten days later: forgotten, but for echoes in forecasts
}

TEST(AnomalyScorerTest, ALevelShiftIsAnomalousOnce) {
  std::vector<float> values = Rhythm(4 * kWeek);
  const int shift = 3 * kWeek + 5;
  for (size_t i = shift; i < values.size(); ++i) values[i] += 300;
  const std::vector<double> scores = ScoresOf(values);
  EXPECT_GT(scores[shift], 10);
  EXPECT_THAT(std::vector(scores.begin() + shift + 1, scores.end()), Each(Le(1)));
}

TEST(AnomalyScorerTest, NothingIsSaidBeforeADayIsKnown) {
  std::vector<float> values = Rhythm(kWeek);
  values[40] = 1000;
  const std::vector<double> scores = ScoresOf(values);
  EXPECT_THAT(std::vector(scores.begin(), scores.begin() + 49), Each(0));
  EXPECT_THAT(std::vector(scores.begin() + 49, scores.end()), Each(Gt(0)));
}

TEST(AnomalyScorerTest, GapsAreNoErrors) {
  std::vector<float> values = Rhythm(4 * kWeek);
  std::fill_n(values.begin() + 2 * kWeek, 30, kMissing);
  const std::vector<double> scores = ScoresOf(values);
  EXPECT_THAT(std::vector(scores.begin() + kWeek, scores.end()), Each(Lt(10)));
  // After more than a context of silence there is nothing to compare with.
  values = Rhythm(6 * kWeek);
  std::fill_n(values.begin() + kWeek, 3 * kWeek, kMissing);
  EXPECT_EQ(ScoresOf(values)[4 * kWeek], 0);
}

TEST(AnomalyScorerTest, ConstantSeriesMoveOrDoNot) {
  std::vector<float> values(2 * kWeek, 20);
  values[kWeek] = 20.01F;  // a hair
  values[kWeek + 9] = 21;
  const std::vector<double> scores = ScoresOf(values);
  EXPECT_EQ(scores[kWeek - 1], 0);
  EXPECT_LT(scores[kWeek], 1);
  EXPECT_GT(scores[kWeek + 9], 10);
  values.assign(2 * kWeek, 0);
  values.back() = std::numeric_limits<float>::infinity();
  EXPECT_EQ(ScoresOf(values).back(), 1000);
  values.back() = 5;
  EXPECT_EQ(ScoresOf(values).back(), 1000);
}

}  // namespace
}  // namespace auspex::model
