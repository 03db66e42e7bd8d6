#include "sidecar/trainer/retrain_policy.h"

#include <gtest/gtest.h>

#include <span>

namespace auspex {
namespace {

constexpr TimestampMs kNow = 100 * kDay;

Rule DailyRule(DurationMs horizon_ms = kDay) {
  Rule rule;
  rule.horizon_ms = horizon_ms;
  rule.retrain.every_ms = kDay;
  return rule;
}

TEST(RetrainPolicyTest, HistoryMinFollowsTheHorizonWithinBounds) {
  EXPECT_EQ(TrainingHistoryMin(DailyRule(kHour)), 12 * kHour);
  EXPECT_EQ(TrainingHistoryMin(DailyRule(kDay)), kDay);
  EXPECT_EQ(TrainingHistoryMin(DailyRule(30 * kDay)), 3 * kDay);
}

TEST(RetrainPolicyTest, DriftTrainsNoMoreOftenThanAQuarterOfTheUsual) {
  Rule rule = DailyRule();
  EXPECT_EQ(DriftTrainingMin(rule), 6 * kHour);
  rule.retrain.every_ms = 2 * kHour;
  EXPECT_EQ(DriftTrainingMin(rule), kHour);
}

TEST(RetrainPolicyTest, AfterDriftAChallengeIsShorter) {
  Rule rule = DailyRule();
  rule.retrain.challenge = ChallengeConfig{.for_ms = kDay};
  EXPECT_EQ(ChallengeLength(rule, "periodic"), kDay);
  EXPECT_EQ(ChallengeLength(rule, "drift"), 6 * kHour);
}

TEST(RetrainPolicyTest, AnotherWorldForgetsWhatEarlierTrainingsSaw) {
  EXPECT_TRUE(EvidenceLasts("periodic"));
  EXPECT_TRUE(EvidenceLasts("requested"));
  EXPECT_FALSE(EvidenceLasts("drift"));
  EXPECT_FALSE(EvidenceLasts("more_history"));
}

struct Case {
  const char* name;
  TrainingState state;
  bool due;
  std::string_view reason;
};

void ExpectDecisions(std::span<const Case> cases) {
  for (const Case& c : cases) {
    const TrainingDecision decision = DecideTraining(DailyRule(), c.state, kNow);
    EXPECT_EQ(decision.due, c.due) << c.name;
    EXPECT_EQ(decision.reason, c.reason) << c.name;
  }
}

TEST(RetrainPolicyTest, Decides) {
  const Case cases[] = {
      {"too little history", {.history_ms = 23 * kHour}, false, "collecting"},
      {"too little, even when asked", {.history_ms = 1, .requested = true}, false, "collecting"},
      {"first", {.history_ms = kDay}, true, "first"},
      {"asked", {.history_ms = kDay, .trained_at_ms = kNow, .requested = true}, true, "requested"},
      {"asked during backoff",
       {.history_ms = kDay, .failures = 9, .failed_at_ms = kNow, .requested = true},
       true,
       "requested"},
      {"fresh", {.history_ms = 30 * kDay, .trained_at_ms = kNow - kHour}, false, "fresh"},
      {"a day old", {.history_ms = 30 * kDay, .trained_at_ms = kNow - kDay}, true, "periodic"},
      {"history has doubled",
       {.history_ms = 26 * kHour, .trained_at_ms = kNow - 13 * kHour},
       true,
       "more_history"},
      {"history has not doubled",
       {.history_ms = 26 * kHour, .trained_at_ms = kNow - 12 * kHour},
       false,
       "fresh"},
      {"drift since the training",
       {.history_ms = 30 * kDay,
        .trained_at_ms = kNow - 6 * kHour,
        .drifted_at_ms = kNow - 5 * kHour},
       true,
       "drift"},
      {"drift, but the training is young",
       {.history_ms = 30 * kDay, .trained_at_ms = kNow - 5 * kHour, .drifted_at_ms = kNow},
       false,
       "fresh"},
      {"drift that was answered",
       {.history_ms = 30 * kDay,
        .trained_at_ms = kNow - 7 * kHour,
        .drifted_at_ms = kNow - 8 * kHour},
       false,
       "fresh"},
      {"first failure, half a minute ago",
       {.history_ms = kDay, .failures = 1, .failed_at_ms = kNow - kMinute / 2},
       false,
       "backoff"},
      {"first failure, a minute ago",
       {.history_ms = kDay, .failures = 1, .failed_at_ms = kNow - kMinute},
       true,
       "first"},
      {"third failure, three minutes ago",
       {.history_ms = kDay, .failures = 3, .failed_at_ms = kNow - 3 * kMinute},
       false,
       "backoff"},
      {"many failures, an hour ago",
       {.history_ms = kDay, .failures = 1000, .failed_at_ms = kNow - kHour},
       true,
       "first"},
  };
  ExpectDecisions(cases);
}

TEST(RetrainPolicyTest, AChallengeIsInterruptedForDriftAndOnRequestOnly) {
  const Case cases[] = {
      {"a day old, but a challenge runs",
       {.history_ms = 30 * kDay, .trained_at_ms = kNow - kDay, .challenged = true},
       false,
       "challenged"},
      {"history has doubled, but a challenge runs",
       {.history_ms = 26 * kHour, .trained_at_ms = kNow - 13 * kHour, .challenged = true},
       false,
       "challenged"},
      {"drift while a challenge runs",
       {.history_ms = 30 * kDay,
        .trained_at_ms = kNow - 6 * kHour,
        .challenged = true,
        .drifted_at_ms = kNow - 5 * kHour},
       true,
       "drift"},
      {"asked while a challenge runs",
       {.history_ms = kDay, .trained_at_ms = kNow, .challenged = true, .requested = true},
       true,
       "requested"},
  };
  ExpectDecisions(cases);
}

}  // namespace
}  // namespace auspex
