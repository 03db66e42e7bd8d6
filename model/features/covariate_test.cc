#include "model/features/covariate.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/features/features.h"

namespace auspex::model {
namespace {

using ::testing::ElementsAre;

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();
constexpr int kHorizon = 24;
const ModelSpec kSpec{.step_ms = 3'600'000, .horizon_steps = kHorizon, .context_steps = 336};

std::vector<float> Noise(int steps, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(steps));
  std::generate(values.begin(), values.end(), [&] { return normal(random); });
  return values;
}

// Values whose rise over a step is what the covariate was `lead` steps before, in another unit.
std::vector<float> Led(const std::vector<float>& covariate, size_t lead) {
  std::vector<float> values(covariate.size(), 1000);
  for (size_t t = lead + 1; t < values.size(); ++t) {
    values[t] = values[t - 1] + 1e-3F * covariate[t - 1 - lead];
  }
  return values;
}

// A covariate that goes up and down for hours, in units of a thousand.
std::vector<float> Bursts(uint32_t seed) {
  std::vector<float> values = Noise(336, seed);
  for (size_t t = 1; t < values.size(); ++t) values[t] = 0.9F * values[t - 1] + values[t];
  for (float& value : values) value = 5000 + 1000 * value;
  return values;
}

// Forecasts of one window, on series that it keeps.
class Announced {
 public:
  Announced(const std::vector<float>& values, const std::vector<std::vector<float>>& covariates) {
    series_.reserve(1 + covariates.size());
    series_.emplace_back(kSpec, values, 0);
    for (const auto& covariate : covariates) series_.emplace_back(kSpec, covariate, 0);
    const int last = series_[0].size() - 1;
    view_ = HistoryView::From(series_[0], 0, last);
    std::vector<CovariateView> views;
    for (size_t i = 1; i < series_.size(); ++i) {
      views.push_back(HistoryView::From(series_[i], 0, last));
    }
    forecast_.Learn(*view_, views, Season(kSpec), kHorizon);
  }

  bool known() const { return forecast_.known(); }
  // `k` steps after the newest step.
  double At(int k) const { return From(view_->last(), k); }
  double From(int origin, int k) const {
    const Season season(kSpec);
    const HistoryView past = view_->Until(origin);
    const OriginStatistics statistics = StatisticsOf(past, season);
    const auto candidates = CandidatesAt(past, season, statistics, k);
    return forecast_.From(origin).At(k, statistics, candidates[kCandidateSameTime]);
  }

 private:
  std::vector<SeriesIndex> series_;
  std::optional<HistoryView> view_;
  CovariateForecast forecast_;
};

// Mean absolute errors at the newest steps of forty series, `k` ahead: of what is announced, and of
// the last value.
struct Errors {
  double announced = 0;
  double last = 0;
};
Errors ErrorsOf(int k,
                const std::function<std::vector<float>(const std::vector<float>&)>& values_of,
                const std::function<std::vector<float>(uint32_t)>& covariate_of = Bursts) {
  Errors errors;
  for (uint32_t seed = 0; seed < 40; ++seed) {
    std::vector<float> values = values_of(Bursts(seed));
    std::vector<float> covariate = covariate_of(seed);
    const float truth = values.back();
    values.resize(values.size() - static_cast<size_t>(k));
    covariate.resize(values.size());
    const Announced announced(values, {covariate});
    errors.announced += std::abs(announced.At(k) - truth) / 40;
    errors.last += std::abs(values.back() - truth) / 40;
  }
  return errors;
}

std::array<float, kCovariateFeatures> FeaturesOf(const std::vector<float>& covariate) {
  const SeriesIndex series(kSpec, covariate, 0);
  std::vector<float> scratch;
  return CovariateFeatures(HistoryView::From(series, 0, series.size() - 1), Season(kSpec),
                           series.size(), &scratch);
}

TEST(CovariateForecastTest, ReadsARateThatFills) {
  const Errors at_once = ErrorsOf(3, [](const auto& rate) { return Led(rate, 0); });
  EXPECT_LT(at_once.announced, 0.3 * at_once.last);
  const Errors later = ErrorsOf(3, [](const auto& rate) { return Led(rate, 3); });
  EXPECT_LT(later.announced, 0.1 * later.last);
}

TEST(CovariateForecastTest, ReadsALevelThatIsFollowedLater) {
  const Errors errors = ErrorsOf(3, [](const std::vector<float>& covariate) {
    std::vector<float> values(covariate.size(), 5);
    std::transform(covariate.begin(), covariate.end() - 3, values.begin() + 3,
                   [](float value) { return 2e-6F * value - 1; });
    return values;
  });
  EXPECT_LT(errors.announced, 0.25 * errors.last);
}

TEST(CovariateForecastTest, AStrangerDoesLittleHarm) {
  const Errors errors = ErrorsOf(
      3, [](const auto& rate) { return Led(rate, 0); },
      [](uint32_t seed) { return Bursts(1000 + seed); });
  EXPECT_LT(errors.announced, errors.last);
}

TEST(CovariateForecastTest, WhatComesEveryDayIsUsual) {
  std::vector<float> covariate(336);
  for (size_t t = 0; t < covariate.size(); ++t) covariate[t] = static_cast<float>(t % 24);
  std::vector<float> values = covariate;
  for (float& value : values) value = 100 - 3 * value;
  const Announced announced(values, {covariate});
  for (int k = 1; k <= kHorizon; ++k) {
    EXPECT_NEAR(announced.At(k), values[static_cast<size_t>(k - 1) % 24], 1e-6) << k;
  }
}

TEST(CovariateForecastTest, LinesBetweenTheLeads) {
  const Announced announced(Led(Bursts(3), 1), {Bursts(3)});
  // Leads are 1, 3, 12 and 24, and this series has no daily rhythm.
  EXPECT_NE(announced.At(1), announced.At(3));
  EXPECT_NEAR(announced.At(2), (announced.At(1) + announced.At(3)) / 2, 1e-6);
  EXPECT_EQ(announced.At(kHorizon + 50), announced.At(kHorizon));
}

TEST(CovariateForecastTest, AbsentCovariatesAreLeftOut) {
  const std::vector<float> values = Led(Bursts(4), 0);
  std::vector<float> gone = Bursts(6);
  std::fill(gone.end() - 2, gone.end(), kMissing);  // nothing for an hour
  EXPECT_FALSE(Announced(values, {}).known());
  EXPECT_FALSE(Announced(values, {gone}).known());
  EXPECT_FALSE(Announced(values, {std::vector<float>(336, kMissing)}).known());
  EXPECT_EQ(Announced(values, {Bursts(4), gone}).At(5), Announced(values, {Bursts(4)}).At(5));
  EXPECT_NE(Announced(values, {Bursts(4), Bursts(6)}).At(5), Announced(values, {Bursts(4)}).At(5));
  std::vector<float> young = Bursts(4);
  std::fill(young.begin(), young.end() - 4, kMissing);
  EXPECT_FALSE(Announced(values, {young}).known());
  EXPECT_FALSE(Announced({1}, {{1}}).known());
}

TEST(CovariateForecastTest, ConstantsAnnounceNothing) {
  const std::vector<float> values(336, 5);
  EXPECT_EQ(Announced(values, {std::vector<float>(336, 7)}).At(5), 5);
  EXPECT_EQ(Announced(values, {Bursts(1)}).At(5), 5);
}

TEST(CovariateFeaturesTest, TellTheNewestAgainstThePast) {
  std::vector<float> covariate(336, 10);
  EXPECT_THAT(FeaturesOf(covariate), ElementsAre(0, 0, 0, 0, 0));
  std::fill(covariate.end() - 2, covariate.end(), 20.0F);
  const auto jumped = FeaturesOf(covariate);
  EXPECT_GT(jumped[0], jumped[1]);  // the week knows less of it than the day
  EXPECT_GT(jumped[1], jumped[2]);
  EXPECT_GT(jumped[2], 0.5);
  for (float& value : covariate) value = 1e6F * value + 3e6F;
  const auto scaled = FeaturesOf(covariate);
  for (size_t i = 0; i < scaled.size(); ++i) EXPECT_NEAR(scaled[i], jumped[i], 1e-3) << i;
}

TEST(CovariateFeaturesTest, MissingIsSaidAndNeutral) {
  std::vector<float> covariate = Noise(336, 5);
  for (size_t t = 336 - 168; t < 336; t += 2) covariate[t] = kMissing;
  EXPECT_FLOAT_EQ(FeaturesOf(covariate)[3], 0.5);
  EXPECT_EQ(FeaturesOf(covariate)[4], 0);
  std::fill(covariate.end() - 2, covariate.end(), kMissing);
  const auto absent = FeaturesOf(covariate);
  EXPECT_EQ(absent[0], 0);
  EXPECT_EQ(absent[1], 0);
  EXPECT_EQ(absent[2], 0);
  EXPECT_GT(absent[3], 0.5);
  EXPECT_EQ(absent[4], 1);
  std::vector<float> scratch;
  EXPECT_THAT(CovariateFeatures(std::nullopt, Season(kSpec), 336, &scratch),
              ElementsAre(0, 0, 0, 1, 1));
  // A covariate younger than the values was missing before.
  covariate = Noise(336, 6);
  std::fill(covariate.begin(), covariate.end() - 42, kMissing);
  EXPECT_FLOAT_EQ(FeaturesOf(covariate)[3], 0.75);
}

}  // namespace
}  // namespace auspex::model
