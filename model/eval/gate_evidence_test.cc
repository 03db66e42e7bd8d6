#include "model/eval/gate_evidence.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace auspex::model {
namespace {

using ::testing::Each;
using ::testing::IsNan;
using enum GateCandidate;

constexpr double kTolerance = 1e-12;
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

size_t At(GateCandidate candidate) { return static_cast<size_t>(candidate); }

// Errors of an aggregate without a network of its own.
AggregateErrors Errors(double mean, double typical) {
  AggregateErrors errors;
  errors.mean.fill(mean);
  errors.typical.fill(typical);
  for (const GateCandidate own : {kOwn, kOwnSeasonalNaive, kOwnLast}) {
    errors.mean[At(own)] = kNone;
    errors.typical[At(own)] = kNone;
  }
  return errors;
}

TEST(GateEvidenceTest, TheFirstTrainingIsAllThatIsKnown) {
  const GateEvidence evidence = WithTraining({}, Errors(0.5, 0.25));
  EXPECT_EQ(evidence.weight, 1);
  EXPECT_EQ(evidence.errors.mean[At(kBase)], 0.5);
  EXPECT_EQ(evidence.errors.typical[At(kBase)], 0.25);
  EXPECT_THAT(evidence.errors.mean[At(kOwn)], IsNan());
}

TEST(GateEvidenceTest, NewerTrainingsCountMoreInAGeometricMean) {
  GateEvidence evidence = WithTraining({}, Errors(1, 4));
  evidence = WithTraining(evidence, Errors(std::exp(1.0), 4));
  EXPECT_NEAR(evidence.weight, 1.9, kTolerance);
  EXPECT_NEAR(std::log(evidence.errors.mean[At(kBase)]), 1 / 1.9, kTolerance);
  EXPECT_NEAR(evidence.errors.typical[At(kBase)], 4, kTolerance);
  EXPECT_THAT(evidence.errors.mean[At(kOwn)], IsNan());

  evidence = WithTraining(evidence, Errors(1, 4));
  EXPECT_NEAR(evidence.weight, 0.9 * 1.9 + 1, kTolerance);
  EXPECT_NEAR(std::log(evidence.errors.mean[At(kBase)]), 0.9 / (0.9 * 1.9 + 1), kTolerance);
}

TEST(GateEvidenceTest, ItsWeightIsBounded) {
  GateEvidence evidence;
  for (int i = 0; i < 1000; ++i) evidence = WithTraining(evidence, Errors(1, 1));
  EXPECT_NEAR(evidence.weight, kEvidenceWeightMax, 1e-6);
}

TEST(GateEvidenceTest, AnExactForecastIsNoInfiniteAdvantage) {
  GateEvidence evidence = WithTraining({}, Errors(0, 0));
  evidence = WithTraining(evidence, Errors(1e-9, 0));
  evidence = WithTraining(evidence, Errors(1, 1));
  const double weight = 0.9 * 1.9;
  EXPECT_NEAR(evidence.errors.mean[At(kLast)], std::pow(kGateErrorFloor, weight / (weight + 1)),
              kTolerance);
}

TEST(GateEvidenceTest, WhatCouldNotBeScoredLeavesWhatIsKnown) {
  GateEvidence evidence = WithTraining({}, UnseenErrors());
  EXPECT_EQ(evidence.weight, 0);
  EXPECT_THAT(evidence.errors.mean, Each(IsNan()));

  evidence = WithTraining(evidence, Errors(2, 3));
  EXPECT_EQ(evidence.weight, 1);
  evidence = WithTraining(evidence, UnseenErrors());
  EXPECT_NEAR(evidence.weight, kEvidenceKept, kTolerance);
  EXPECT_EQ(evidence.errors.mean[At(kBase)], 2);
  EXPECT_EQ(evidence.errors.typical[At(kBase)], 3);
  AggregateErrors overflown = Errors(1, 1);
  overflown.mean[At(kBase)] = std::numeric_limits<double>::infinity();
  EXPECT_EQ(WithTraining(evidence, overflown).errors.mean[At(kBase)], 2);
}

TEST(GateEvidenceTest, AMissingOwnNetworkIsItsBase) {
  AggregateErrors with_own = Errors(1, 1);
  with_own.mean[At(kOwn)] = 0.25;
  with_own.typical[At(kOwn)] = 0.25;
  // Fine-tuned only now: until now the base stood for it.
  const double weight = kEvidenceKept;
  GateEvidence evidence = WithTraining(WithTraining({}, Errors(4, 4)), with_own);
  EXPECT_NEAR(evidence.errors.mean[At(kOwn)],
              std::exp((weight * std::log(4) + std::log(0.25)) / (weight + 1)), kTolerance);
  // Not reached this time.
  evidence = WithTraining(WithTraining({}, with_own), Errors(4, 4));
  EXPECT_NEAR(evidence.errors.typical[At(kOwn)],
              std::exp((weight * std::log(0.25) + std::log(4)) / (weight + 1)), kTolerance);
  EXPECT_THAT(evidence.errors.mean[At(kOwnLast)], IsNan());
}

// One lucky stretch does not overturn what many trainings have seen; a lasting change does.
TEST(GateEvidenceTest, TheGateFollowsWhatLasts) {
  AggregateErrors calm = Errors(1, 1);
  calm.mean[At(kLast)] = calm.typical[At(kLast)] = 0.8;
  AggregateErrors lucky = Errors(1, 1);
  lucky.mean[At(kBase)] = lucky.typical[At(kBase)] = 0.7;
  const auto choice = [](const GateEvidence& evidence) {
    return ChooseForecasts({&evidence.errors, 1}, 30).rule;
  };
  GateEvidence evidence;
  for (int i = 0; i < 10; ++i) evidence = WithTraining(evidence, calm);
  evidence = WithTraining(evidence, lucky);
  EXPECT_EQ(choice(WithTraining({}, lucky)), kBase);
  EXPECT_EQ(choice(evidence), kLast);
  for (int i = 0; i < 10; ++i) evidence = WithTraining(evidence, lucky);
  EXPECT_EQ(choice(evidence), kBase);
}

}  // namespace
}  // namespace auspex::model
