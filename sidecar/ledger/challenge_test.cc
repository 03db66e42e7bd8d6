// A challenge in the ledger: both models on the same targets, over restarts, beside the outcomes of
// what was served.
#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "sidecar/ledger/ledger_test.h"

namespace auspex {
namespace {

// The challenger is off by a quarter of what the champion is; version 1 serves, 2 challenges.
class LedgerChallengeTest : public LedgerFixture {
 protected:
  LedgerChallengeTest() : LedgerFixture(2) {}

  // Off the truth by `off` at every target.
  Forecast Told(int hour, size_t aggregate, uint64_t version, double off) const {
    Forecast forecast = Untold(hour, aggregate);
    forecast.model_version = version;
    for (int k = 1; k <= 25; ++k) {
      const auto median = static_cast<float>(Saw(hour + k) + off);
      forecast.values.insert(forecast.values.end(), {median - 1, median, median + 1});
    }
    return forecast;
  }

  // One step of the daemon: the challenger serves the second aggregate.
  void Step(int hour, double challenger_off) {
    Close(hour);
    ledger_->Score(active_);
    std::vector<Forecast> served = {Told(hour, 0, 1, 4), Told(hour, 1, 2, challenger_off)};
    const std::vector<Forecast> shadows = {Told(hour, 0, 2, challenger_off), Told(hour, 1, 1, 4)};
    ledger_->KeepPairs(active_, challenge_, served, shadows);
    Issue(hour, std::move(served));
  }
  void Live(int first, int last, double challenger_off) {
    for (int hour = first; hour < last; ++hour) Step(hour, challenger_off);
  }

  int ShadowRows() const {
    int rows = 0;
    EXPECT_TRUE(
        shadow_
            ->Read(active_.values_id, 0, At(10'000), [&](TimestampMs, const IssuedRow&) { ++rows; })
            .ok());
    return rows;
  }

  Challenge challenge_{.version = 2, .champion = 1, .started_at_ms = At(30), .for_ms = kDay};
};

TEST_F(LedgerChallengeTest, ComparesBothWhereEitherIsServed) {
  Live(0, 30, 1);
  const ChallengeEvidence young = ledger_->Evidence(active_, challenge_);
  // Of targets up to 29; those of the first day have no season before them, and no scale.
  EXPECT_GT(young.blocks, 0);
  EXPECT_EQ(ledger_->Judge(active_, challenge_).reason, "too_young");
  Live(30, 60, 1);
  const ChallengeEvidence evidence = ledger_->Evidence(active_, challenge_);
  EXPECT_GE(evidence.blocks, 8);
  // Medians too high by 4 and by 1, 1 to either side.
  const double champion = 0.9 * 3 + 0.5 * 4 + 0.1 * 5;
  const double challenger = 0.9 * 0 + 0.5 * 1 + 0.1 * 2;
  EXPECT_NEAR(evidence.log_ratio, std::log(challenger / champion), 1e-5);
  EXPECT_NEAR(evidence.standard_error, 0, 1e-5);
  EXPECT_EQ(ledger_->Judge(active_, challenge_).verdict, ChallengeVerdict::kPromote);
  EXPECT_EQ(Metric("auspex_ledger_challenger_version"), 2);
  EXPECT_EQ(Metric("auspex_ledger_challenger_blocks"), evidence.blocks);
  EXPECT_NEAR(Metric("auspex_ledger_challenger_loss_ratio"), challenger / champion, 1e-5);
}

TEST_F(LedgerChallengeTest, AWorseOneIsDropped) {
  Live(0, 60, 8);
  EXPECT_EQ(ledger_->Judge(active_, challenge_).reason, "worse");
}

TEST_F(LedgerChallengeTest, ARestartLosesNothing) {
  for (int hour = 0; hour < 58; ++hour) Step(hour, 1 + hour % 3);
  clock_stands_ = true;  // so that nothing is written from here on
  Live(58, 60, 2);
  const ChallengeEvidence whole = ledger_->Evidence(active_, challenge_);
  Open();  // as after a crash
  EXPECT_GT(ledger_->Evidence(active_, challenge_).blocks, 0);
  ledger_->Score(active_);
  ledger_->Score(active_);
  const ChallengeEvidence again = ledger_->Evidence(active_, challenge_);
  EXPECT_EQ(again.blocks, whole.blocks);
  EXPECT_EQ(again.log_ratio, whole.log_ratio);
  EXPECT_EQ(again.standard_error, whole.standard_error);
}

// The same outcomes as without a challenge: those of what was served.
TEST_F(LedgerChallengeTest, ShadowsDoNotTouchTheLedger) {
  Live(0, 60, 1000);
  const std::vector<LeadRecord> leads = ledger_->Leads(active_);
  const auto first = ledger_->OfAggregate(active_, aggregates_[0]);
  const auto second = ledger_->OfAggregate(active_, aggregates_[1]);
  ASSERT_TRUE(first && second);
  EXPECT_NEAR(first->Means().error, 2, 1e-3);  // by 4, in seasons of 2
  EXPECT_NEAR(second->Means().error, 500, 1);  // the challenger served it
  // Without the shadows the lead has one target an hour.
  EXPECT_NEAR(leads[0].losses.Means().error, 251, 1);
}

TEST_F(LedgerChallengeTest, AnotherChallengerStartsAnew) {
  Live(0, 60, 1);
  challenge_.version = 3;
  EXPECT_EQ(ledger_->Evidence(active_, challenge_).blocks, 0);
  std::vector<Forecast> served = {Told(60, 0, 1, 4)};
  // Forecasts that are still of the one before are not taken for its own.
  ledger_->KeepPairs(active_, challenge_, served, std::vector{Told(60, 0, 2, 1)});
  EXPECT_EQ(ShadowRows(), 1);
  EXPECT_EQ(Metric("auspex_ledger_challenger_version"), 3);
  Close(61);
  ledger_->Score(active_);
  EXPECT_EQ(ledger_->Evidence(active_, challenge_).blocks, 0);
}

TEST_F(LedgerChallengeTest, ItsEndLeavesNothing) {
  Live(0, 60, 1);
  EXPECT_GT(ShadowRows(), 2);
  EXPECT_LT(ShadowRows(), 12);  // and there are no more of them than its leads need
  EXPECT_EQ(state_->Keys("challenge/")->size(), 1U);
  challenge_.state = ChallengeState::kPromoted;
  ledger_->EndChallenge(active_, challenge_);
  EXPECT_EQ(ShadowRows(), 0);
  EXPECT_TRUE(state_->Keys("challenge/")->empty());
  EXPECT_TRUE(IsMissing(Metric("auspex_ledger_challenger_version")));
  EXPECT_TRUE(IsMissing(Metric("auspex_ledger_challenger_loss_ratio")));
  EXPECT_EQ(Metric("auspex_ledger_challenger_results_total"), 1);
  ledger_->EndChallenge(active_, challenge_);
  EXPECT_EQ(Metric("auspex_ledger_challenger_results_total"), 1);
  EXPECT_EQ(ledger_->Evidence(active_, challenge_).blocks, 0);
}

TEST_F(LedgerChallengeTest, ARuleThatIsGoneLeavesNothing) {
  Live(0, 40, 1);
  ledger_->Save();
  EXPECT_FALSE(IsMissing(Metric("auspex_ledger_challenger_version")));
  ledger_->Retain({});
  EXPECT_TRUE(IsMissing(Metric("auspex_ledger_challenger_version")));
  EXPECT_TRUE(state_->Keys("challenge/")->empty());
  ASSERT_TRUE(history_->RetainRules({}).ok());
  EXPECT_EQ(ShadowRows(), 0);
}

}  // namespace
}  // namespace auspex
