#include "model/train/tuning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "model/train/training_series_test.h"

namespace auspex::model {
namespace {

using ::testing::SizeIs;

constexpr FitSettings kFrozen{.learning_rate = 1e-9};  // learns nothing
constexpr FitSettings kGood{.learning_rate = 5e-3};
const std::vector<int> kLengths = {30, 90};

// Every other day is upside down, which no candidate says and the network can learn.
std::vector<float> TurningWave() {
  std::vector<float> values = DayWave(24 * 20, 1);
  for (size_t t = 0; t < values.size(); ++t) values[t] *= t / 24 % 2 == 0 ? 1.0F : -1.0F;
  return values;
}

// A wave whose start can be improved upon, and what is held back of it.
class TuningTest : public ::testing::Test {
 protected:
  ExamplePool Draw(OriginRange SeriesSplit::*part, int windows) const {
    return DrawPart(spec_, values_, part, windows);
  }
  BaseFit Fit(const FitSettings& settings) const {
    const FitObserver keep_going = [](int, double) { return true; };
    const auto fit = ChooseBase({.spec = spec_,
                                 .pool = pool_,
                                 .seed = 3,
                                 .parallel_for = SerialFor(),
                                 .observer = keep_going},
                                tail_, kLengths, settings);
    EXPECT_TRUE(fit.ok()) << fit.status();
    return *fit;
  }
  absl::StatusOr<std::vector<FitTrial>> Run(const std::vector<FitSettings>& settings, BaseFit* best,
                                            std::function<bool()> spent = nullptr,
                                            const ParallelFor& parallel_for = SerialFor()) {
    ProgressMeter meter(options_);
    meter.Begin("tune", 1, TuningUnits(settings.size()));
    return Tune({.spec = spec_,
                 .pool = pool_,
                 .tail = tail_,
                 .iterations = kLengths,
                 .seed = 3,
                 .parallel_for = parallel_for,
                 .meter = meter,
                 .spent = std::move(spent)},
                settings, best);
  }

  const ModelSpec spec_ = HourlySpec();
  const std::vector<float> values_ = TurningWave();
  const ExamplePool pool_ = Draw(&SeriesSplit::fit, 256);
  const ExamplePool tail_ = Draw(&SeriesSplit::tail, 128);
  TrainOptions options_;
};

TEST_F(TuningTest, PrefersThePlantedGoodSettings) {
  BaseFit best = Fit(kFrozen);
  const double before = best.loss;
  const auto trials = Run({kFrozen, kGood, kFrozen, kFrozen}, &best);
  ASSERT_TRUE(trials.ok()) << trials.status();
  EXPECT_EQ(best.settings, kGood);
  EXPECT_LT(best.loss, 0.99 * before);
  EXPECT_GT(best.iterations, 0);
  // The evidence: the incumbent first; two of four went on after the shortest fits, one of them to
  // the full length.
  ASSERT_THAT(*trials, SizeIs(5));
  EXPECT_EQ((*trials)[0].settings, kFrozen);
  EXPECT_EQ((*trials)[0].loss, before);
  EXPECT_EQ((*trials)[2].settings, kGood);
  EXPECT_EQ((*trials)[2].loss, best.loss);
  EXPECT_EQ((*trials)[2].iterations, best.iterations);
  EXPECT_EQ(std::count_if(trials->begin() + 1, trials->end(),
                          [](const FitTrial& trial) { return trial.iterations == 90 / 9; }),
            2);
}

TEST_F(TuningTest, KeepsTheIncumbentThatNothingBeats) {
  BaseFit best = Fit(kGood);
  const BaseFit before = best;
  const auto trials = Run({kFrozen, {.learning_rate = 1e-8}}, &best);
  ASSERT_TRUE(trials.ok()) << trials.status();
  EXPECT_EQ(best.settings, kGood);
  EXPECT_EQ(best.loss, before.loss);
  EXPECT_TRUE(std::ranges::equal(best.weights.values(), before.weights.values()));
}

TEST_F(TuningTest, DependsOnTheSeedAlone) {
  const std::vector<FitSettings> settings = DrawSettings(10, FitSettings(), 5);
  BaseFit one = Fit(kFrozen);
  BaseFit two = one;
  const auto alone = Run(settings, &one);
  const auto beside = Run(settings, &two, nullptr, TwoThreads());
  ASSERT_TRUE(alone.ok() && beside.ok());
  EXPECT_EQ(one.settings, two.settings);
  EXPECT_TRUE(std::ranges::equal(one.weights.values(), two.weights.values()));
  for (size_t i = 0; i < alone->size(); ++i) EXPECT_EQ((*alone)[i].loss, (*beside)[i].loss);
}

TEST_F(TuningTest, StopsWhenTheBudgetIsSpent) {
  BaseFit best = Fit(kFrozen);
  // At once: nothing was tried, and the incumbent stays.
  const auto none = Run({kGood, kGood}, &best, [] { return true; });
  ASSERT_TRUE(none.ok()) << none.status();
  ASSERT_THAT(*none, SizeIs(3));
  for (size_t i = 1; i < 3; ++i) {
    EXPECT_EQ((*none)[i].iterations, 0);
    EXPECT_TRUE(std::isnan((*none)[i].loss));
  }
  EXPECT_EQ(best.settings, kFrozen);

  // After the short fits: what they said stands as evidence, and no half fit is published.
  int polls = 0;
  const auto some = Run({kGood, kFrozen}, &best, [&] { return ++polls > 10 + 30 + 5; });
  ASSERT_TRUE(some.ok()) << some.status();
  EXPECT_EQ((*some)[1].iterations, 30);
  EXPECT_EQ((*some)[2].iterations, 10);
  EXPECT_EQ(best.settings, kFrozen);
  EXPECT_LE(polls, 10 + 30 + 10);
}

TEST_F(TuningTest, EndsWhenTheJobIsCancelled) {
  BaseFit best = Fit(kFrozen);
  options_.cancelled = [] { return true; };
  EXPECT_EQ(Run({kGood}, &best).status().code(), absl::StatusCode::kCancelled);
}

TEST(DrawSettingsTest, DefaultsCompeteUnlessTheyAreTheIncumbent) {
  const std::vector<FitSettings> tuned = DrawSettings(40, kGood, 1);
  ASSERT_THAT(tuned, SizeIs(40));
  EXPECT_EQ(tuned[0], FitSettings());
  const std::vector<FitSettings> first = DrawSettings(40, FitSettings(), 1);
  ASSERT_THAT(first, SizeIs(40));
  EXPECT_EQ(std::ranges::count(first, FitSettings()), 0);
  EXPECT_EQ(first, DrawSettings(40, FitSettings(), 1));
  EXPECT_NE(first, DrawSettings(40, FitSettings(), 2));
  for (const FitSettings& settings : first) {
    EXPECT_GT(settings.learning_rate, 0);
    EXPECT_GE(settings.encoder_dropout, 0);
    EXPECT_LT(settings.encoder_dropout, 1);
    EXPECT_GE(settings.weight_decay, 0);
  }
  EXPECT_THAT(DrawSettings(0, kGood, 1), SizeIs(0));
}

}  // namespace
}  // namespace auspex::model
