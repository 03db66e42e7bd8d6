// A challenge from the issue to the verdict: real stores, registry, engine and ledger, a clock by
// hand.
#include "sidecar/app/forecast_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <cmath>
#include <map>
#include <memory>
#include <numbers>
#include <set>
#include <string>
#include <vector>

#include "sidecar/config/config.h"
#include "sidecar/forecast/challenge_share.h"
#include "sidecar/forecast/rule_spec.h"
#include "sidecar/history/store.h"
#include "tests/testing/manual_clock.h"
#include "tests/testing/temp_dir.h"

namespace auspex {
namespace {

using testing::ElementsAre;

constexpr TimestampMs kStart = 20'000 * kDay;
constexpr DurationMs kStep = 30 * kMinute;
constexpr int kDaySteps = 48;
constexpr int kUsers = 8;

// A day's wave that rises a little from day to day: what repeats yesterday is nearly right, what
// repeats the last value is not.
double Wave(int step, int user) {
  return 100 + user + 50 * std::sin(2 * std::numbers::pi * step / kDaySteps) +
         static_cast<double>(step) / kDaySteps;
}

class ForecastLoopTest : public testing::Test {
 protected:
  void SetUp() override {
    Open();
    for (int step = 0; step < 3 * kDaySteps; ++step) Close(step);
    step_ = 3 * kDaySteps;
  }

  // The daemon's parts around one directory.
  void Open() {
    loop_.reset();
    ledger_.reset();
    forecaster_.reset();
    registry_.reset();
    aggregator_.reset();
    steps_.reset();
    rules_.reset();
    history_.reset();
    store_.reset();
    metrics_ = std::make_unique<prometheus::Registry>();
    store_ = *Store::Open({.path = dir_.File("db")}, Logger());
    history_ = *History::Open(*store_, {}, Logger(), *metrics_);
    pending_ = std::make_unique<PendingLog>(*store_);
    issued_ = std::make_unique<IssuedLog>(*store_);
    shadow_ = std::make_unique<IssuedLog>(*store_, Store::Family::kShadow);
    state_ = std::make_unique<StateStore>(*store_);
    registry_ = *ModelRegistry::Open({.directory = dir_.File("models")}, Logger(), *metrics_);
    engine_ = *model::CreateEngine("scalar", model::SerialFor());
    rules_ = std::make_unique<RuleBook>(*history_);
    steps_ = std::make_unique<StepWriter>(*rules_, *history_);
    // It has no rules: the test closes the steps.
    aggregator_ = std::make_unique<Aggregator>(
        AggregatorOptions(), clock_, [](std::string_view, TimestampMs) { return absl::OkStatus(); },
        Logger(), *metrics_);
    forecaster_ = std::make_unique<Forecaster>(*history_, *registry_, *engine_, clock_, *metrics_);
    ledger_ = std::make_unique<Ledger>(
        LedgerParts{*history_, *issued_, *shadow_, *state_, clock_, Logger(), *metrics_});
    loop_ = std::make_unique<ForecastLoop>(ForecastLoopParts{
        *rules_, *aggregator_, *steps_, *pending_, *history_, *registry_, *forecaster_, forecasts_,
        *issued_, *ledger_, progress_, clock_, Logger(), [] {}});
    progress_.Set("storage", Phase::kForecasting, 1);
    Configure("challenge: {for: 1d}");
  }

  void Configure(const std::string& retrain) {
    const auto config = ParseConfig(
        "rules: [{name: storage, selector: used, by: [user], step: 30m, horizon: 6h, leads: [1h],"
        " interval: 30m, model: {cell: none, context: 3d}, retrain: {" +
            retrain + "}}]",
        "auspex.yml");
    ASSERT_TRUE(config.ok()) << config.status();
    ASSERT_TRUE(rules_->Apply(*config).ok());
  }
  const ActiveRule& active() const { return rules_->Current()->rules[0]; }

  static TimestampMs At(int step) { return kStart + step * kStep; }

  void Close(int step) {
    std::vector<AggregateValue> values;
    for (int user = 0; user < kUsers; ++user) {
      const auto id =
          history_->Intern(active().values_id, LabelSet({{"user", "u" + std::to_string(user)}}));
      ASSERT_TRUE(id.ok()) << id.status();
      values.push_back({*id, Wave(step, user)});
    }
    ASSERT_TRUE(history_->AppendStep(active().values_id, At(step), values).ok());
    clock_.Set(At(step) + kMinute);
  }

  TrainedModels Models(const std::string& candidate, model::Blend blend) const {
    TrainedModels models;
    models.spec = SpecForRule(active().rule, TimeZone(), clock_.NowMs());
    models.base = model::UntrainedWeights(models.spec);
    models.choice = {.candidate = candidate, .own = false, .blend = blend};
    models.trained_at_ms = clock_.NowMs();
    return models;
  }
  TrainedModels Good() const { return Models("seasonal_naive", {0, 1, 0}); }
  TrainedModels Bad() const { return Models("last", {0, 0, 1}); }

  void Publish(const TrainedModels& models) {
    ASSERT_TRUE(registry_->Publish("storage", models).ok());
  }
  void PublishChallenger(const TrainedModels& models) {
    ASSERT_TRUE(
        registry_->PublishChallenger("storage", models, active().rule.retrain.challenge->for_ms)
            .ok());
  }

  // Closes steps one by one; every one must give every aggregate a forecast from it. Notes which
  // versions served, by user.
  void Live(int steps) {
    for (int i = 0; i < steps; ++i) {
      Close(step_);
      loop_->Run();
      const auto latest = forecasts_.Latest("storage");
      ASSERT_NE(latest, nullptr);
      ASSERT_EQ(latest->origin_ms, At(step_));
      ASSERT_EQ(latest->forecasts.size(), static_cast<size_t>(kUsers));
      for (const Forecast& forecast : latest->forecasts) {
        ASSERT_FALSE(forecast.values.empty());
        EXPECT_EQ(forecast.model, forecast.model_version == good_ ? "seasonal_naive" : "last");
        served_[forecast.labels].insert(forecast.model_version);
      }
      ++step_;
    }
  }

  // The versions that served since the last call.
  std::set<uint64_t> Served() {
    std::set<uint64_t> all;
    for (const auto& [labels, versions] : served_) all.insert(versions.begin(), versions.end());
    served_.clear();
    return all;
  }
  Challenge Latest() const { return registry_->LatestChallenge("storage").value_or(Challenge()); }

  const TempDir dir_;
  std::unique_ptr<prometheus::Registry> metrics_;
  ManualClock clock_{kStart};
  ProgressBoard progress_;
  ForecastStore forecasts_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<History> history_;
  std::unique_ptr<PendingLog> pending_;
  std::unique_ptr<IssuedLog> issued_;
  std::unique_ptr<IssuedLog> shadow_;
  std::unique_ptr<StateStore> state_;
  std::unique_ptr<ModelRegistry> registry_;
  std::unique_ptr<model::Engine> engine_;
  std::unique_ptr<RuleBook> rules_;
  std::unique_ptr<StepWriter> steps_;
  std::unique_ptr<Aggregator> aggregator_;
  std::unique_ptr<Forecaster> forecaster_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<ForecastLoop> loop_;
  int step_ = 0;
  uint64_t good_ = 0;  // version that repeats yesterday
  std::map<LabelSet, std::set<uint64_t>> served_;
};

TEST_F(ForecastLoopTest, ABadChallengerIsNeverServedAndDropped) {
  good_ = 1;
  Publish(Good());
  PublishChallenger(Bad());
  Live(kDaySteps);
  EXPECT_EQ(Latest().state, ChallengeState::kRunning);
  Live(kDaySteps / 2);
  EXPECT_EQ(Latest().state, ChallengeState::kDropped);
  EXPECT_EQ(Latest().reason, "worse");
  EXPECT_GE(Latest().evidence.blocks, 8);
  EXPECT_GT(Latest().evidence.log_ratio, Latest().evidence.standard_error);
  EXPECT_THAT(Served(), ElementsAre(1));
  Open();
  Live(3);
  EXPECT_THAT(Served(), ElementsAre(1));
}

TEST_F(ForecastLoopTest, AGoodChallengerIsPromotedWithoutAPause) {
  good_ = 2;
  Publish(Bad());
  PublishChallenger(Good());
  Live(kDaySteps);
  EXPECT_THAT(Served(), ElementsAre(1));
  Live(kDaySteps / 2);
  EXPECT_THAT(Served(), ElementsAre(1, 2));
  EXPECT_EQ(Latest().state, ChallengeState::kPromoted);
  EXPECT_EQ(Latest().reason, "better");
  EXPECT_LT(Latest().evidence.log_ratio, 0);
  EXPECT_EQ(registry_->Current("storage")->number(), 2U);
  Live(1);
  Served();
  Open();
  Live(3);
  EXPECT_THAT(Served(), ElementsAre(2));
}

TEST_F(ForecastLoopTest, ARestartDoesNotDelayTheVerdict) {
  good_ = 2;
  Publish(Bad());
  PublishChallenger(Good());
  Live(kDaySteps / 2);
  const int blocks = ledger_->Evidence(active(), Latest()).blocks;
  EXPECT_GT(blocks, 2);
  Open();
  EXPECT_EQ(ledger_->Evidence(active(), Latest()).blocks, blocks);
  Live(kDaySteps / 2 + 2 * 4);
  EXPECT_EQ(Latest().state, ChallengeState::kPromoted);
}

TEST_F(ForecastLoopTest, AShareOfTheAggregatesIsServedByTheChallenger) {
  Configure("challenge: {for: 1d, share: 40%}");
  good_ = 1;
  Publish(Good());
  PublishChallenger(Bad());
  Live(kDaySteps);
  ASSERT_EQ(served_.size(), static_cast<size_t>(kUsers));
  int by_challenger = 0;
  for (const auto& [labels, versions] : served_) {
    const bool in_share = InChallengeShare(labels, 40);
    by_challenger += in_share ? 1 : 0;
    EXPECT_THAT(versions, ElementsAre(in_share ? 2 : 1)) << labels.ToString();
  }
  EXPECT_GT(by_challenger, 0);
  EXPECT_LT(by_challenger, kUsers);
  Live(kDaySteps / 2);
  EXPECT_EQ(Latest().reason, "worse");
  Served();
  Live(1);
  EXPECT_THAT(Served(), ElementsAre(1));
}

TEST_F(ForecastLoopTest, WithoutOutcomesItIsDroppedAsUndecided) {
  good_ = 2;
  Publish(Bad());
  PublishChallenger(Good());
  Live(kDaySteps / 2);
  // The source is silent until three times the time is up.
  step_ += 5 * kDaySteps / 2 + 1;
  Live(1);
  EXPECT_EQ(Latest().state, ChallengeState::kDropped);
  EXPECT_EQ(Latest().reason, "undecided");
  EXPECT_THAT(Served(), ElementsAre(1));
}

TEST_F(ForecastLoopTest, AReloadWithoutItEndsAChallenge) {
  good_ = 2;
  Publish(Bad());
  PublishChallenger(Good());
  Live(2);
  Configure("every: 1d");
  Live(2);
  EXPECT_EQ(Latest().state, ChallengeState::kDropped);
  EXPECT_EQ(Latest().reason, "not_configured");
  EXPECT_THAT(Served(), ElementsAre(1));
}

TEST_F(ForecastLoopTest, WithoutAChallengeNothingIsKeptForOne) {
  Configure("every: 1d");
  good_ = 2;
  Publish(Bad());
  Live(3);
  Publish(Good());
  loop_->Run();  // at the same step: a published version does not wait for the next
  EXPECT_EQ(forecasts_.Latest("storage")->forecasts[0].model_version, 2U);
  Live(3);
  int rows = 0;
  ASSERT_TRUE(
      shadow_
          ->Read(active().values_id, 0, At(step_), [&](TimestampMs, const IssuedRow&) { ++rows; })
          .ok());
  EXPECT_EQ(rows, 0);
  EXPECT_TRUE(state_->Keys("challenge/")->empty());
}

}  // namespace
}  // namespace auspex
