#include "sidecar/trainer/training_loop.h"

#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <mutex>

#include "absl/synchronization/mutex.h"
#include "tests/testing/manual_clock.h"
#include "tests/testing/temp_dir.h"

namespace auspex {
namespace {

// Answers with what it is told to, and keeps what it was asked.
class FakeTrainer : public Trainer {
 public:
  absl::StatusOr<TrainedModels> Train(const TrainingJob& job, const TrainingObserver& observer,
                                      const CancelCheck& cancelled) override {
    {
      const std::lock_guard lock(mu_);
      jobs.push_back(job);
    }
    observer({.stage = "base", .fraction = 0.5, .loss = 1});
    if (on_train) on_train();
    if (cancelled()) return absl::CancelledError("training was cancelled");
    if (!answer.ok()) return answer;
    TrainedModels models;
    models.spec = job.spec;
    models.base = model::UntrainedWeights(job.spec);
    models.settings = tuned;
    models.aggregates.push_back({.aggregate = AggregateId{1}});
    models.aggregates.back().evidence = seen;
    return models;
  }

  std::vector<TrainingJob> jobs;
  absl::Status answer;
  std::function<void()> on_train;
  model::FitSettings tuned;
  ModelEvidence seen;

 private:
  std::mutex mu_;  // over jobs
};

class TrainingLoopTest : public ::testing::Test {
 protected:
  TrainingLoopTest() {
    registry_ = *ModelRegistry::Open({.directory = dir_.File("models")}, Logger(), metrics_);
    auto rules = std::make_shared<ActiveRules>();
    for (const char* name : {"a", "b"}) {
      ActiveRule active{.rule = {}, .names = OutputNames(name), .values_id = {}, .limit_id = {}};
      active.rule.name = name;
      active.rule.values.step_ms = 5 * kMinute;
      rules->rules.push_back(active);
      progress_.Set(name, Phase::kCollecting, 0);
    }
    rules_ = rules;
    MakeLoop(/*jobs=*/1);
  }

  void MakeLoop(int jobs) {
    loop_ = std::make_unique<TrainingLoop>(TrainingLoopParts{
        .rules = [this] { return rules_; },
        .spec = [this](const ActiveRule&) { return spec_; },
        .history = [this](const ActiveRule& active) { return HistoryOf(active.rule.name); },
        .trainer = trainer_,
        .registry = *registry_,
        .progress = progress_,
        .clock = clock_,
        .logger = Logger(),
        .metrics = metrics_,
        .worker_resident_bytes = nullptr,
        .drifted_at = [this](const ActiveRule&) { return drifted_at_ms_; },
        .jobs = jobs});
  }

  TrainingHistory HistoryOf(const std::string& rule) const {
    return {.length_ms = rule == "a" ? history_ms_ : other_history_ms_,
            .aggregates = [] { return std::vector{AggregateId{1}}; },
            .read = [](AggregateId) { return TrainingSeries(); }};
  }
  void Run() { loop_->Run(stopping_); }
  void SetCpu(int percent) {
    auto rules = std::make_shared<ActiveRules>(*rules_);
    for (ActiveRule& active : rules->rules) active.rule.retrain.cpu_percent = percent;
    rules_ = rules;
  }
  void SetChallenge(const std::optional<ChallengeConfig>& challenge) {
    auto rules = std::make_shared<ActiveRules>(*rules_);
    for (ActiveRule& active : rules->rules) active.rule.retrain.challenge = challenge;
    rules_ = rules;
  }

  const TempDir dir_;
  prometheus::Registry metrics_;
  ManualClock clock_{100 * kDay};
  ProgressBoard progress_;
  FakeTrainer trainer_;
  std::unique_ptr<ModelRegistry> registry_;
  std::shared_ptr<const ActiveRules> rules_;
  model::ModelSpec spec_;
  DurationMs history_ms_ = 10 * kDay;
  DurationMs other_history_ms_ = 0;  // of rule b
  TimestampMs drifted_at_ms_ = 0;
  std::atomic<bool> stopping_{false};
  std::unique_ptr<TrainingLoop> loop_;
};

TEST_F(TrainingLoopTest, TrainsARuleOnceItHasHistory) {
  history_ms_ = 6 * kHour;
  Run();
  EXPECT_TRUE(trainer_.jobs.empty());
  EXPECT_EQ(progress_.Get("a").phase, Phase::kCollecting);
  EXPECT_EQ(progress_.Get("a").fraction, 0.25);

  history_ms_ = kDay;
  Run();
  ASSERT_EQ(trainer_.jobs.size(), 1u);
  EXPECT_EQ(trainer_.jobs[0].rule, "a");
  EXPECT_EQ(trainer_.jobs[0].own_steps_min, 3 * 288);
  ASSERT_NE(registry_->Current("a"), nullptr);
  EXPECT_EQ(registry_->Current("a")->summary().trained_at_ms, clock_.NowMs());
  EXPECT_EQ(progress_.Get("a").phase, Phase::kForecasting);
  EXPECT_EQ(progress_.Get("b").phase, Phase::kCollecting);
}

TEST_F(TrainingLoopTest, RetrainsAsConfigured) {
  Run();
  Run();
  EXPECT_EQ(trainer_.jobs.size(), 1u);
  clock_.Advance(kDay);
  Run();
  EXPECT_EQ(trainer_.jobs.size(), 2u);
  EXPECT_EQ(registry_->Current("a")->number(), 2u);
}

TEST_F(TrainingLoopTest, RetrainsWhenTheShapeChanges) {
  Run();
  spec_.hidden = 8;
  Run();
  EXPECT_EQ(trainer_.jobs.size(), 2u);
  EXPECT_NE(registry_->Current("a", spec_), nullptr);
}

TEST_F(TrainingLoopTest, APartOfTheProcessorsTakesLonger) {
  Run();
  EXPECT_EQ(trainer_.jobs[0].cpu_share, 1);
  EXPECT_EQ(trainer_.jobs[0].seconds_max, 600);
  for (const auto& [percent, seconds] : {std::pair{50, 1200.0}, {5, 2400.0}}) {
    SetCpu(percent);
    clock_.Advance(kDay);
    Run();
    EXPECT_EQ(trainer_.jobs.back().cpu_share, percent / 100.0);
    EXPECT_EQ(trainer_.jobs.back().seconds_max, seconds);
  }
}

// Neither job ends before both have begun.
TEST_F(TrainingLoopTest, TrainsSeveralRulesAtTheSameTime) {
  MakeLoop(/*jobs=*/2);
  other_history_ms_ = history_ms_;
  absl::Mutex mu;
  int begun = 0;
  trainer_.on_train = [&] {
    absl::MutexLock lock(&mu);
    ++begun;
    mu.Await(absl::Condition(
        +[](int* count) { return *count == 2; }, &begun));
  };
  Run();
  EXPECT_EQ(trainer_.jobs.size(), 2u);
  for (const char* rule : {"a", "b"}) {
    EXPECT_NE(registry_->Current(rule), nullptr);
    EXPECT_EQ(progress_.Get(rule).phase, Phase::kForecasting);
  }
}

TEST_F(TrainingLoopTest, TunedSettingsCompeteInTheNextTuning) {
  Run();
  EXPECT_EQ(trainer_.jobs[0].tuning_trials, 0);
  ActiveRules tuning = *rules_;
  tuning.rules[0].rule.retrain.tune = TuneConfig{.trials = 5, .time_ms = 90 * kSecond};
  rules_ = std::make_shared<ActiveRules>(tuning);
  trainer_.tuned.learning_rate = 1e-3;
  const auto run_tomorrow = [this] {
    clock_.Advance(kDay);
    Run();
    return trainer_.jobs.back();
  };
  const TrainingJob first = run_tomorrow();
  EXPECT_EQ(first.tuning_trials, 5);
  EXPECT_EQ(first.tuning_cpu_seconds_max, 90);
  EXPECT_EQ(first.settings, model::FitSettings());
  EXPECT_EQ(run_tomorrow().settings, trainer_.tuned);
  // Without tuning the recipe's settings are back.
  tuning.rules[0].rule.retrain.tune.reset();
  rules_ = std::make_shared<ActiveRules>(tuning);
  EXPECT_EQ(run_tomorrow().settings, model::FitSettings());
}

TEST_F(TrainingLoopTest, WhatATrainingHasSeenGoesToTheNextUntilThereIsDrift) {
  trainer_.seen = {.weight = 1.9, .candidates = {{"base", 0.5, 0.25}}};
  Run();
  EXPECT_TRUE(trainer_.jobs.back().evidence.empty());
  clock_.Advance(kDay);
  Run();
  ASSERT_EQ(trainer_.jobs.size(), 2u);
  EXPECT_EQ(trainer_.jobs.back().evidence[AggregateId{1}], trainer_.seen);
  clock_.Advance(8 * kHour);
  drifted_at_ms_ = clock_.NowMs();
  Run();
  ASSERT_EQ(trainer_.jobs.size(), 3u);
  EXPECT_TRUE(trainer_.jobs.back().evidence.empty());
  // Of another shape nothing is known.
  spec_.hidden = 8;
  Run();
  ASSERT_EQ(trainer_.jobs.size(), 4u);
  EXPECT_TRUE(trainer_.jobs.back().evidence.empty());
}

TEST_F(TrainingLoopTest, ATrainedVersionChallengesWhereTheRuleAsksForIt) {
  SetChallenge(ChallengeConfig{.for_ms = 36 * kHour});
  Run();
  EXPECT_FALSE(registry_->LatestChallenge("a").has_value());  // there was no champion
  clock_.Advance(kDay);
  Run();
  ASSERT_EQ(trainer_.jobs.size(), 2u);
  EXPECT_EQ(registry_->Current("a")->number(), 1u);
  Challenge challenge = registry_->LatestChallenge("a").value_or(Challenge());
  EXPECT_EQ(challenge.version, 2u);
  EXPECT_EQ(challenge.started_at_ms, clock_.NowMs());
  EXPECT_EQ(challenge.for_ms, 36 * kHour);
  // No other training while it runs, and after its end not before it has aged.
  clock_.Advance(30 * kHour);
  Run();
  EXPECT_EQ(trainer_.jobs.size(), 2u);
  challenge.state = ChallengeState::kDropped;
  challenge.started_at_ms = clock_.NowMs() - 23 * kHour;
  ASSERT_TRUE(registry_->EndChallenge("a", challenge).ok());
  Run();
  EXPECT_EQ(trainer_.jobs.size(), 2u);
  clock_.Advance(kHour);
  Run();
  EXPECT_EQ(trainer_.jobs.size(), 3u);
  EXPECT_EQ(registry_->LatestChallenge("a")->version, 3u);
  // Where the rule does not ask any more it serves at once.
  SetChallenge(std::nullopt);
  loop_->Request("a");
  Run();
  EXPECT_EQ(registry_->Current("a")->number(), 4u);
}

TEST_F(TrainingLoopTest, AnotherShapeServesWithoutAChallenge) {
  SetChallenge(ChallengeConfig());
  Run();
  spec_.hidden = 8;
  Run();
  EXPECT_EQ(registry_->Current("a", spec_)->number(), 2u);
  EXPECT_FALSE(registry_->LatestChallenge("a").has_value());
}

TEST_F(TrainingLoopTest, ShowsTheJobOnTheBoard) {
  Phase phase{};
  trainer_.on_train = [&] { phase = progress_.Get("a").phase; };
  Run();
  EXPECT_EQ(phase, Phase::kTraining);
}

TEST_F(TrainingLoopTest, AFailureLeavesThePresentModelAndIsTriedAgainLater) {
  Run();
  clock_.Advance(kDay);
  trainer_.answer = absl::UnavailableError("it died");
  Run();
  EXPECT_EQ(registry_->Current("a")->number(), 1u);
  EXPECT_NE(progress_.Get("a").last_error.find("it died"), std::string::npos);
  EXPECT_EQ(progress_.Get("a").phase, Phase::kForecasting);
  Run();  // backs off
  EXPECT_EQ(trainer_.jobs.size(), 2u);
  trainer_.answer = absl::OkStatus();
  clock_.Advance(kMinute);
  Run();
  EXPECT_EQ(registry_->Current("a")->number(), 2u);
  EXPECT_EQ(progress_.Get("a").last_error, "");
}

TEST_F(TrainingLoopTest, TrainsAtOnceWhenAsked) {
  Run();
  loop_->Request("a");
  loop_->Request("unknown");
  Run();
  Run();
  EXPECT_EQ(trainer_.jobs.size(), 2u);
}

TEST_F(TrainingLoopTest, StoppingIsNoFailure) {
  trainer_.on_train = [this] { stopping_ = true; };
  Run();
  EXPECT_EQ(registry_->Current("a"), nullptr);
  EXPECT_EQ(progress_.Get("a").last_error, "");
}

TEST_F(TrainingLoopTest, WaitsUntilHistoryIsFilled) {
  progress_.Set("a", Phase::kFilling, 0.5);
  Run();
  EXPECT_TRUE(trainer_.jobs.empty());
  EXPECT_EQ(progress_.Get("a").phase, Phase::kFilling);
}

}  // namespace
}  // namespace auspex
