#include "sidecar/forecast/forecaster.h"

#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <cmath>
#include <map>
#include <memory>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/spec/members.h"
#include "sidecar/forecast/challenge_share.h"
#include "sidecar/forecast/rule_spec.h"
#include "sidecar/history/store.h"
#include "tests/testing/manual_clock.h"
#include "tests/testing/temp_dir.h"

namespace auspex {
namespace {

// 2026-03-02 00:00 UTC.
constexpr TimestampMs kOrigin = 1'772'409'600'000;
constexpr DurationMs kStep = 5 * kMinute;
constexpr int kHistorySteps = 3 * 288;
constexpr size_t kContextSteps = 2 * 288;
// Two hours, one interval and two steps of slack.
constexpr int kForecastSteps = 24 + 1 + 2;
constexpr DurationMs kIssueDelay = 3 * kSecond;
constexpr double kLevelShift = 1000;

// A day's wave around 100.
double Wave(TimestampMs t) {
  const double day = static_cast<double>(t) / static_cast<double>(kDay);
  return 100 + 50 * std::sin(2 * std::numbers::pi * day);
}

Rule StorageRule() {
  Rule rule;
  rule.name = "storage";
  rule.base_name = "storage_used_bytes";
  rule.values.step_ms = kStep;
  rule.horizon_ms = 2 * kHour;
  rule.interval_ms = kStep;
  rule.leads_ms = {kHour};
  rule.model.context_ms = kContextSteps * kStep;
  return rule;
}

// Where a tensor of one member begins in `weights`.
size_t TensorAt(const model::ModelSpec& spec, const model::Weights& weights, int member,
                const char* tensor) {
  const model::Weights network = model::MemberWeights(spec, weights, member);
  const auto values = model::TensorValues(model::MemberSpec(spec), network, tensor);
  return static_cast<size_t>(values.data() - weights.values().data());
}

// Untrained weights whose correction is switched on: they forecast something else.
model::Weights OtherWeights(const model::ModelSpec& spec) {
  const model::Weights untrained = model::UntrainedWeights(spec);
  std::vector<float> values(untrained.values().begin(), untrained.values().end());
  for (int member = 0; member < spec.members; ++member) {
    const size_t at = TensorAt(spec, untrained, member, "decoder.output.bias");
    values[at + model::kOutputCorrection] = 3;
    values[at + model::kOutputGate] = 3;
  }
  return model::Weights::FromVector(std::move(values));
}

class ForecasterTest : public testing::Test {
 protected:
  void SetUp() override {
    auto store = Store::Open({.path = dir_.File("db")}, Logger());
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    auto history = History::Open(*store_, {}, Logger(), metrics_);
    ASSERT_TRUE(history.ok()) << history.status();
    history_ = *std::move(history);
    auto registry = ModelRegistry::Open({.directory = dir_.File("models")}, Logger(), metrics_);
    ASSERT_TRUE(registry.ok()) << registry.status();
    registry_ = *std::move(registry);
    auto engine = model::CreateEngine("scalar", model::SerialFor());
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
    forecaster_ = std::make_unique<Forecaster>(*history_, *registry_, *engine_, clock_, metrics_);
    active_.values_id = Register("storage");
  }

  RuleId Register(const std::string& name) {
    const auto id = history_->RegisterRule({.name = name,
                                            .fingerprint = "f",
                                            .step_ms = kStep,
                                            .retention_ms = 30 * kDay,
                                            .context_steps = kContextSteps});
    EXPECT_TRUE(id.ok()) << id.status();
    return id.value_or(RuleId{});
  }

  // The wave over `steps` steps, of which the newest `silent` are missing.
  AggregateId AddWave(const std::string& user, int steps = kHistorySteps, int silent = 0) {
    const auto id = history_->Intern(active_.values_id, LabelSet({{"user", user}}));
    EXPECT_TRUE(id.ok()) << id.status();
    if (!id.ok()) return {};
    for (int i = steps - 1; i >= silent; --i) values_[kOrigin - i * kStep].push_back({*id, 0});
    return *id;
  }

  // Closes every step with what AddWave was told; one aggregate may have moved to another level
  // three hours before the origin.
  void Close(AggregateId shifted = {}) {
    for (int i = kHistorySteps - 1; i >= 0; --i) {
      const TimestampMs t = kOrigin - i * kStep;
      std::vector<AggregateValue>& values = values_[t];
      for (AggregateValue& value : values) {
        value.value = Wave(t);
        if (value.aggregate == shifted && t > kOrigin - 3 * kHour) value.value += kLevelShift;
      }
      ASSERT_TRUE(history_->AppendStep(active_.values_id, t, values).ok());
    }
  }

  model::ModelSpec Spec() const { return SpecForRule(active_.rule, TimeZone(), kOrigin); }

  TrainedModels Models(ModelChoice choice) const {
    TrainedModels models;
    models.spec = Spec();
    models.base = model::UntrainedWeights(models.spec);
    models.choice = std::move(choice);
    return models;
  }
  void Publish(const TrainedModels& models) {
    const auto version = registry_->Publish("storage", models);
    ASSERT_TRUE(version.ok()) << version.status();
  }

  void PublishChallenger(const TrainedModels& models) {
    const auto version = registry_->PublishChallenger("storage", models, kDay);
    ASSERT_TRUE(version.ok()) << version.status();
  }

  std::vector<Forecast> Run() {
    const auto result = forecaster_->Run(active_, TimeZone(), kOrigin);
    EXPECT_TRUE(result.ok()) << result.status();
    shadows_ = result.ok() ? result->shadows : std::vector<Forecast>();
    return result.ok() ? result->served->forecasts : std::vector<Forecast>();
  }

  const TempDir dir_;
  prometheus::Registry metrics_;
  ManualClock clock_{kOrigin + kIssueDelay};
  std::unique_ptr<Store> store_;
  std::unique_ptr<History> history_;
  std::unique_ptr<ModelRegistry> registry_;
  std::unique_ptr<model::Engine> engine_;
  std::unique_ptr<Forecaster> forecaster_;
  ActiveRule active_{StorageRule(), OutputNames("storage_used_bytes"), RuleId{}, std::nullopt};
  std::map<TimestampMs, std::vector<AggregateValue>> values_;
  std::vector<Forecast> shadows_;  // of the latest run
};

TEST_F(ForecasterTest, WithoutAModelTheNaiveBlendAnswers) {
  const AggregateId ann = AddWave("ann");
  const AggregateId bob = AddWave("bob");
  Close();
  const std::vector<Forecast> forecasts = Run();
  ASSERT_EQ(forecasts.size(), 2U);
  EXPECT_EQ(forecasts[0].aggregate, ann);
  EXPECT_EQ(forecasts[1].aggregate, bob);
  const Forecast& forecast = forecasts[0];
  EXPECT_EQ(forecast.model, "naive_blend");
  EXPECT_EQ(forecast.reason, "untrained");
  EXPECT_EQ(forecast.labels, LabelSet({{"user", "ann"}}));
  EXPECT_EQ(forecast.origin_ms, kOrigin);
  EXPECT_EQ(forecast.issued_at_ms, kOrigin + kIssueDelay);
  EXPECT_EQ(forecast.step_ms, kStep);
  EXPECT_NEAR(forecast.last_value, Wave(kOrigin), 1e-3);
  EXPECT_TRUE(IsMissing(forecast.limit));
}

TEST_F(ForecasterTest, ACurveIsLongerThanTheHorizonAndItsQuantilesDoNotCross) {
  AddWave("ann");
  Close();
  const std::vector<Forecast> forecasts = Run();
  ASSERT_EQ(forecasts.size(), 1U);
  const Forecast& forecast = forecasts[0];
  EXPECT_EQ(forecast.quantile_levels, (std::vector<double>{0.1, 0.5, 0.9}));
  ASSERT_EQ(forecast.horizon_steps(), kForecastSteps);
  for (int k = 1; k <= kForecastSteps; ++k) {
    const float* row = &forecast.values[static_cast<size_t>(k - 1) * 3];
    EXPECT_LE(row[0], row[1]);
    EXPECT_LE(row[1], row[2]);
    // A clean daily wave: any sensible blend of naive forecasts is near.
    EXPECT_NEAR(row[1], Wave(kOrigin + k * kStep), 20) << "target " << k;
  }
}

TEST_F(ForecasterTest, ANaiveChoiceOfTheGateIsServedAndSaid) {
  AddWave("ann");
  Close();
  Publish(Models({.candidate = "seasonal_naive", .own = false, .blend = {0, 1, 0}}));
  const std::vector<Forecast> forecasts = Run();
  ASSERT_EQ(forecasts.size(), 1U);
  EXPECT_EQ(forecasts[0].model, "seasonal_naive");
  EXPECT_EQ(forecasts[0].reason, "gate");
  for (int k = 1; k <= kForecastSteps; ++k) {
    const TimestampMs t = kOrigin + k * kStep;
    EXPECT_NEAR(forecasts[0].At(1, t), Wave(t - kDay), 0.01) << "target " << k;
  }
}

TEST_F(ForecasterTest, EachAggregateGetsTheModelThatTheGateChose) {
  const AggregateId ann = AddWave("ann");
  const AggregateId bob = AddWave("bob");
  AddWave("eve");  // unknown to the training
  Close();
  TrainedModels models = Models({.candidate = "base", .own = false, .blend = {}});
  models.aggregates.push_back({.aggregate = ann,
                               .choice = {.candidate = "own", .own = true, .blend = {}},
                               .scores = {},
                               .own = OtherWeights(models.spec)});
  models.aggregates.push_back({.aggregate = bob, .choice = models.choice, .scores = {}, .own = {}});
  Publish(models);
  const std::vector<Forecast> forecasts = Run();
  ASSERT_EQ(forecasts.size(), 3U);
  EXPECT_EQ(forecasts[0].model, "lstm");
  EXPECT_EQ(forecasts[0].reason, "ok");
  EXPECT_EQ(forecasts[1].model, "base");
  EXPECT_EQ(forecasts[1].reason, "ok");
  EXPECT_EQ(forecasts[2].model, "base");
  EXPECT_EQ(forecasts[2].reason, "cold_start");
  // All three have the same values: only the weights can tell them apart.
  EXPECT_NE(forecasts[0].values, forecasts[1].values);
  EXPECT_EQ(forecasts[1].values, forecasts[2].values);
}

TEST_F(ForecasterTest, IntervalsAreAsWideAsTheVersionSays) {
  AddWave("ann");
  Close();
  TrainedModels models = Models({.candidate = "base", .own = false, .blend = {}});
  Publish(models);
  const std::vector<float> narrow = Run()[0].values;
  models.interval_factor = 1.5;
  PublishChallenger(models);
  EXPECT_EQ(Run()[0].values, narrow);
  ASSERT_EQ(shadows_.size(), 1U);
  const std::vector<float>& wide = shadows_[0].values;
  ASSERT_EQ(wide.size(), narrow.size());
  for (size_t i = 0; i < narrow.size(); i += 3) {
    EXPECT_EQ(wide[i + 1], narrow[i + 1]);
    EXPECT_NEAR(wide[i + 2] - wide[i + 1], 1.5 * (narrow[i + 2] - narrow[i + 1]), 0.01);
    EXPECT_LT(wide[i], narrow[i]);
  }
}

TEST_F(ForecasterTest, ANewVersionIsUsedFromTheNextRunOn) {
  AddWave("ann");
  Close();
  EXPECT_EQ(Run()[0].model, "naive_blend");
  Publish(Models({.candidate = "base", .own = false, .blend = {}}));
  EXPECT_EQ(Run()[0].model, "base");
  Publish(Models({.candidate = "last", .own = false, .blend = {0, 0, 1}}));
  EXPECT_EQ(Run()[0].model, "last");
}

TEST_F(ForecasterTest, AVersionOfAnotherShapeIsNotUsed) {
  AddWave("ann");
  Close();
  Publish(Models({.candidate = "base", .own = false, .blend = {}}));
  active_.rule.model.hidden = 8;
  const std::vector<Forecast> forecasts = Run();
  ASSERT_EQ(forecasts.size(), 1U);
  EXPECT_EQ(forecasts[0].reason, "untrained");
}

// `weights` of a spec with covariates, which then reach the median.
model::Weights ReadingCovariates(const model::ModelSpec& spec, const model::Weights& weights) {
  std::vector<float> values(weights.values().begin(), weights.values().end());
  const auto inputs = static_cast<size_t>(spec.window_inputs());
  const auto width = static_cast<size_t>(spec.decoder_width);
  for (int member = 0; member < spec.members; ++member) {
    const size_t window = TensorAt(spec, weights, member, "decoder.window.weight");
    const size_t output = TensorAt(spec, weights, member, "decoder.output.weight");
    for (size_t row = 0; row < width; ++row) {
      for (size_t i = inputs - spec.covariates.size() * model::kCovariateFeatures; i < inputs;
           ++i) {
        values[window + row * inputs + i] = 1;
      }
      values[output + model::kOutputCorrection * width + row] = 0.1F;
    }
  }
  return model::Weights::FromVector(std::move(values));
}

TEST_F(ForecasterTest, CovariatesAreThoseOfTheSameLabels) {
  for (const char* user : {"ann", "bob", "eve"}) AddWave(user);
  Close();
  active_.rule.covariates = {{.name = "storage/covariate/0",
                              .selector = *Selector::Parse("written"),
                              .by = {{"user", "user"}}}};
  active_.covariate_ids = {Register("storage/covariate/0")};
  const RuleId covariate = active_.covariate_ids[0];
  const auto bob = history_->Intern(covariate, LabelSet({{"user", "bob"}}));
  const auto other = history_->Intern(covariate, LabelSet({{"user", "eve"}, {"group", "g"}}));
  ASSERT_TRUE(bob.ok() && other.ok());
  for (int i = kHistorySteps - 1; i >= 0; --i) {
    const AggregateValue values[] = {{*bob, i < 12 ? 1000.0 : i % 7}, {*other, 1.0}};
    ASSERT_TRUE(history_->AppendStep(covariate, kOrigin - i * kStep, values).ok());
  }
  TrainedModels models = Models({.candidate = "base", .own = false, .blend = {}});
  ASSERT_EQ(models.spec.covariates.size(), 1U);
  models.base = ReadingCovariates(models.spec, models.base);
  Publish(models);
  const std::vector<Forecast> forecasts = Run();
  ASSERT_EQ(forecasts.size(), 3U);
  for (const Forecast& forecast : forecasts) {
    EXPECT_EQ(forecast.model, "base");
    for (float value : forecast.values) EXPECT_TRUE(std::isfinite(value));
  }
  // Ann has none, and none has exactly Eve's labels.
  EXPECT_EQ(forecasts[0].values, forecasts[2].values);
  EXPECT_NE(forecasts[0].values, forecasts[1].values);
}

TEST_F(ForecasterTest, OtherCovariatesNeedAnotherVersion) {
  AddWave("ann");
  Close();
  active_.rule.covariates = {{.name = "storage/covariate/0", .selector = *Selector::Parse("a")}};
  active_.covariate_ids = {Register("storage/covariate/0")};
  active_.rule.special_days = {20'000};
  Publish(Models({.candidate = "base", .own = false, .blend = {}}));
  EXPECT_EQ(Run()[0].model, "base");
  active_.rule.special_days.push_back(20'365);
  EXPECT_EQ(Run()[0].model, "base");
  active_.rule.covariates[0].selector = *Selector::Parse("b");
  EXPECT_EQ(Run()[0].reason, "untrained");
}

TEST_F(ForecasterTest, AShortSilenceIsAGapAndALongOneTheEnd) {
  const AggregateId ann = AddWave("ann");
  const AggregateId bob = AddWave("bob", kHistorySteps, 2);
  AddWave("eve", kHistorySteps, 3);
  Close();
  Publish(Models({.candidate = "base", .own = false, .blend = {}}));
  const std::vector<Forecast> forecasts = Run();
  ASSERT_EQ(forecasts.size(), 2U);
  EXPECT_EQ(forecasts[0].aggregate, ann);
  EXPECT_EQ(forecasts[1].aggregate, bob);
  EXPECT_EQ(forecasts[1].reason, "gap");
  EXPECT_NEAR(forecasts[1].last_value, Wave(kOrigin - 2 * kStep), 1e-3);
  EXPECT_EQ(forecasts[1].horizon_steps(), kForecastSteps);
}

TEST_F(ForecasterTest, AfterALevelShiftTheLastValueAnswers) {
  AddWave("ann");
  const AggregateId bob = AddWave("bob");
  Close(bob);
  Publish(Models({.candidate = "base", .own = false, .blend = {}}));
  const std::vector<Forecast> forecasts = Run();
  ASSERT_EQ(forecasts.size(), 2U);
  EXPECT_EQ(forecasts[0].model, "base");
  const Forecast& forecast = forecasts[1];
  EXPECT_EQ(forecast.model, "last");
  EXPECT_EQ(forecast.reason, "level_shift");
  const auto median = static_cast<size_t>(forecast.LevelIndex(0.5));
  for (const DurationMs lead : {kStep, kHour}) {
    EXPECT_NEAR(forecast.At(median, kOrigin + lead), forecast.last_value,
                1e-4 * forecast.last_value);
  }
}

TEST_F(ForecasterTest, AGapIsSaidAlsoWithoutATrainedModel) {
  AddWave("ann");
  AddWave("bob", kHistorySteps, 1);
  Close();
  const std::vector<Forecast> forecasts = Run();
  ASSERT_EQ(forecasts.size(), 2U);
  EXPECT_EQ(forecasts[0].reason, "untrained");
  EXPECT_EQ(forecasts[1].model, "naive_blend");
  EXPECT_EQ(forecasts[1].reason, "gap");
  EXPECT_EQ(forecasts[1].horizon_steps(), kForecastSteps);
}

TEST_F(ForecasterTest, WhenAllAreSilentTheScrapeIsBlamedAndNobodyEnds) {
  AddWave("ann", kHistorySteps, 6);
  AddWave("bob", kHistorySteps, 7);
  Close();
  EXPECT_EQ(Run().size(), 2U);
}

TEST_F(ForecasterTest, TooFewValuesGiveNoCurve) {
  AddWave("ann", 11);
  Close();
  const std::vector<Forecast> forecasts = Run();
  ASSERT_EQ(forecasts.size(), 1U);
  EXPECT_EQ(forecasts[0].model, "none");
  EXPECT_EQ(forecasts[0].reason, "cold_start");
  EXPECT_TRUE(forecasts[0].values.empty());
}

TEST_F(ForecasterTest, AConstantLimitHoldsForEveryAggregate) {
  AddWave("ann");
  AddWave("bob", 5);
  Close();
  active_.rule.limit = Limit{.constant = 140, .aggregation = std::nullopt};
  const std::vector<Forecast> forecasts = Run();
  ASSERT_EQ(forecasts.size(), 2U);
  EXPECT_EQ(forecasts[0].limit, 140);
  EXPECT_EQ(forecasts[1].limit, 140);
}

TEST_F(ForecasterTest, AJoinedLimitIsThatOfTheSameLabelsAndNotOlderThanAnHour) {
  for (const char* user : {"ann", "bob", "dan", "eve"}) AddWave(user);
  Close();
  active_.rule.limit =
      Limit{.constant = std::nullopt, .aggregation = AggregationRule{.by = {{"user", "user"}}}};
  active_.limit_id = Register("storage/limit");
  const auto set_limit = [&](const std::string& user, TimestampMs t, double limit) {
    const auto id = history_->Intern(*active_.limit_id, LabelSet({{"user", user}}));
    ASSERT_TRUE(id.ok()) << id.status();
    const AggregateValue value = {*id, limit};
    ASSERT_TRUE(history_->AppendStep(*active_.limit_id, t, {&value, 1}).ok());
  };
  set_limit("eve", kOrigin - 2 * kHour, 400);
  set_limit("bob", kOrigin - kHour / 2, 300);
  set_limit("ann", kOrigin, 200);
  const std::vector<Forecast> forecasts = Run();
  ASSERT_EQ(forecasts.size(), 4U);
  EXPECT_EQ(forecasts[0].limit, 200);
  EXPECT_EQ(forecasts[1].limit, 300);
  EXPECT_TRUE(IsMissing(forecasts[2].limit));
  EXPECT_TRUE(IsMissing(forecasts[3].limit));
}

TEST_F(ForecasterTest, AChallengerForecastsInTheShadow) {
  const AggregateId ann = AddWave("ann");
  AddWave("eve", 5);  // too short for either
  Close();
  Publish(Models({.candidate = "seasonal_naive", .own = false, .blend = {0, 1, 0}}));
  EXPECT_TRUE((Run(), shadows_.empty()));
  const std::vector<float> alone = Run()[0].values;
  PublishChallenger(Models({.candidate = "last", .own = false, .blend = {0, 0, 1}}));
  const std::vector<Forecast> forecasts = Run();
  ASSERT_EQ(forecasts.size(), 2U);
  EXPECT_EQ(forecasts[0].model, "seasonal_naive");
  EXPECT_EQ(forecasts[0].model_version, 1U);
  EXPECT_EQ(forecasts[0].values, alone);
  EXPECT_EQ(forecasts[1].model, "none");
  ASSERT_EQ(shadows_.size(), 1U);
  EXPECT_EQ(shadows_[0].aggregate, ann);
  EXPECT_EQ(shadows_[0].model, "last");
  EXPECT_EQ(shadows_[0].model_version, 2U);
  EXPECT_EQ(shadows_[0].origin_ms, kOrigin);
  EXPECT_EQ(shadows_[0].never_negative, forecasts[0].never_negative);
  EXPECT_NEAR(shadows_[0].At(1, kOrigin + kHour), Wave(kOrigin), 0.01);
}

TEST_F(ForecasterTest, AChallengerServesItsShareAndSaysSo) {
  for (int i = 0; i < 20; ++i) AddWave("u" + std::to_string(i));
  Close();
  active_.rule.retrain.challenge = ChallengeConfig{.share_percent = 40};
  active_.rule.limit = Limit{.constant = 140, .aggregation = std::nullopt};
  Publish(Models({.candidate = "seasonal_naive", .own = false, .blend = {0, 1, 0}}));
  PublishChallenger(Models({.candidate = "base", .own = false, .blend = {}}));
  const std::vector<Forecast> forecasts = Run();
  ASSERT_EQ(forecasts.size(), 20U);
  ASSERT_EQ(shadows_.size(), 20U);
  int by_challenger = 0;
  for (size_t i = 0; i < forecasts.size(); ++i) {
    const bool in_share = InChallengeShare(forecasts[i].labels, 40);
    by_challenger += in_share ? 1 : 0;
    const Forecast& of_challenger = in_share ? forecasts[i] : shadows_[i];
    const Forecast& of_champion = in_share ? shadows_[i] : forecasts[i];
    EXPECT_EQ(of_challenger.model_version, 2U);
    EXPECT_EQ(of_challenger.model, "base");
    EXPECT_EQ(of_challenger.reason, "cold_start");
    EXPECT_EQ(of_champion.model_version, 1U);
    EXPECT_EQ(of_champion.model, "seasonal_naive");
    EXPECT_EQ(of_champion.reason, "gate");
    EXPECT_EQ(forecasts[i].aggregate, shadows_[i].aggregate);
    EXPECT_EQ(forecasts[i].limit, 140);
  }
  EXPECT_GT(by_challenger, 0);
  EXPECT_LT(by_challenger, 20);
}

TEST_F(ForecasterTest, AChallengerWithoutNumbersServesNowhere) {
  AddWave("ann");
  Close();
  active_.rule.retrain.challenge = ChallengeConfig{.share_percent = 100};
  Publish(Models({.candidate = "base", .own = false, .blend = {}}));
  TrainedModels broken = Models({.candidate = "base", .own = false, .blend = {}});
  // Finite, as a model file must be; what is computed from it is not.
  broken.base = model::Weights::FromVector(std::vector<float>(broken.base.values().size(), 1e30F));
  PublishChallenger(broken);
  const std::vector<Forecast> forecasts = Run();
  ASSERT_EQ(shadows_.size(), 1U);
  EXPECT_EQ(shadows_[0].model_version, 2U);
  EXPECT_FALSE(std::isfinite(shadows_[0].values[1]));
  EXPECT_EQ(forecasts[0].model_version, 1U);
}

TEST_F(ForecasterTest, APromotedChallengerForecastsAsItDidInTheShadow) {
  AddWave("ann");
  Close();
  Publish(Models({.candidate = "last", .own = false, .blend = {0, 0, 1}}));
  PublishChallenger(Models({.candidate = "base", .own = false, .blend = {}}));
  Run();
  const std::vector<float> shadow = shadows_[0].values;
  auto challenge = registry_->LatestChallenge("storage");
  ASSERT_TRUE(challenge.has_value());
  challenge->state = ChallengeState::kPromoted;
  ASSERT_TRUE(registry_->EndChallenge("storage", *challenge).ok());
  const std::vector<Forecast> forecasts = Run();
  EXPECT_TRUE(shadows_.empty());
  EXPECT_EQ(forecasts[0].model_version, 2U);
  EXPECT_EQ(forecasts[0].values, shadow);
}

TEST_F(ForecasterTest, ARuleWithoutAggregatesHasNoForecasts) { EXPECT_TRUE(Run().empty()); }

}  // namespace
}  // namespace auspex
