#include "model/train/held_back_scores.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "model/train/training_series_test.h"

namespace auspex::model {
namespace {

double Of(const GateErrors& errors, GateCandidate candidate) {
  return errors[static_cast<size_t>(candidate)];
}

// Of the untrained network and the naive forecasts, on at most that many origins.
HeldBackScores Scores(const std::vector<float>& values, int origins_max) {
  const ModelSpec spec = HourlySpec();
  const TrainSeries series{.aggregate = 1, .first_ms = 0, .values = values};
  const auto engine = *CreateEngine("scalar", SerialFor());
  const auto model = *engine->Prepare(spec, UntrainedWeights(spec));
  HeldBackScores scores;
  EXPECT_TRUE(HeldBackScorer(spec, *engine, origins_max)
                  .Score(series, SplitSeries(spec, values), *model, /*own=*/false, &scores)
                  .ok());
  return scores;
}

TEST(HeldBackScoresTest, OneWindowIsTypical) {
  const HeldBackScores scores = Scores(DayWave(24 * 20, 3), 1);
  EXPECT_EQ(scores.origins, 1);
  for (const GateCandidate candidate :
       {GateCandidate::kBase, GateCandidate::kLast, GateCandidate::kSeasonalNaive}) {
    EXPECT_GT(Of(scores.errors.mean, candidate), 0);
    EXPECT_NEAR(Of(scores.errors.typical, candidate), Of(scores.errors.mean, candidate), 1e-9);
  }
  EXPECT_TRUE(std::isnan(Of(scores.errors.mean, GateCandidate::kOwn)));
  EXPECT_TRUE(std::isnan(Of(scores.errors.typical, GateCandidate::kOwn)));
}

// The last value errs in the windows around a step only, so its typical error is far below its mean
// one; on a noisy wave, where every window errs alike, the two are close.
TEST(HeldBackScoresTest, FewLargeErrorsAreNotTypical) {
  std::vector<float> steps(24 * 20, 5.0F);
  for (size_t i = steps.size() - 12; i < steps.size(); ++i) steps[i] = 6;
  const HeldBackScores few = Scores(steps, 12);
  EXPECT_GT(few.origins, 4);
  EXPECT_GT(Of(few.errors.typical, GateCandidate::kLast), 0);
  EXPECT_LT(Of(few.errors.typical, GateCandidate::kLast),
            0.8 * Of(few.errors.mean, GateCandidate::kLast));

  const HeldBackScores alike = Scores(DayWave(24 * 20, 3), 12);
  EXPECT_LT(Of(alike.errors.typical, GateCandidate::kLast),
            Of(alike.errors.mean, GateCandidate::kLast));
  EXPECT_GT(Of(alike.errors.typical, GateCandidate::kLast),
            0.9 * Of(alike.errors.mean, GateCandidate::kLast));
}

}  // namespace
}  // namespace auspex::model
