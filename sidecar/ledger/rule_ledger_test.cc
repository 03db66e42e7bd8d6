#include "sidecar/ledger/rule_ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace auspex {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

constexpr TimestampMs kStart = 1000 * kDay;

RuleLedger Ledger() {
  RuleLedger ledger;
  ledger.SetLeads(LedgerLeads({}, kDay, 5 * kMinute));
  return ledger;
}

// Of one aggregate, told 8..12 with the factors given.
OutcomeBatch Batch(DurationMs lead_ms, TimestampMs target_ms, double truth, double factor = 1) {
  const Outcome outcome{
      .aggregate = AggregateId{1},
      .quantiles = {static_cast<float>(10 - 2 * factor), 10, static_cast<float>(10 + 2 * factor)},
      .truth = truth,
      .last_value = 100,
      .naive = 9,
      .seasonal_change = 2};
  return {.lead_ms = lead_ms,
          .target_ms = target_ms,
          .levels = {0.1, 0.5, 0.9},
          .factor = factor,
          .outcomes = {outcome}};
}

TEST(LedgerLeadsTest, CoverTheHorizonAndWhatIsWrittenBack) {
  EXPECT_THAT(LedgerLeads({}, kDay, 5 * kMinute), ElementsAre(kHour, 6 * kHour, kDay));
  const DurationMs written_back[] = {kMinute, 2 * kHour, 6 * kHour, 2 * kDay};
  EXPECT_THAT(LedgerLeads(written_back, kDay, 5 * kMinute),
              ElementsAre(kHour, 2 * kHour, 6 * kHour, kDay));
  EXPECT_THAT(LedgerLeads({}, 3 * kHour, kHour), ElementsAre(kHour, 3 * kHour));
}

TEST(RuleLedgerTest, MissesWidenTheIntervalAtTheirLead) {
  RuleLedger ledger = Ledger();
  for (int day = 0; day < 5; ++day) ledger.Add(Batch(6 * kHour, kStart + day * kDay, 20));
  EXPECT_GT(ledger.FactorAt(6 * kHour), 1.5);
  EXPECT_EQ(ledger.FactorAt(kHour), 1);
  EXPECT_EQ(ledger.FactorAt(kDay), 1);
  EXPECT_EQ(ledger.FactorAt(5 * kMinute), 1);
  EXPECT_EQ(ledger.FactorAt(2 * kDay), 1);
  EXPECT_NEAR(ledger.FactorAt(12 * kHour), (1 + ledger.FactorAt(6 * kHour)) / 2, 1e-12);
}

TEST(RuleLedgerTest, ManyForecastsOfOneLeadCountAsOne) {
  RuleLedger often = Ledger();
  RuleLedger once = Ledger();
  for (TimestampMs t = kStart; t <= kStart + 6 * kHour; t += 5 * kMinute) {
    often.Add(Batch(6 * kHour, t, 20));
  }
  once.Add(Batch(6 * kHour, kStart, 20));
  once.Add(Batch(6 * kHour, kStart + 6 * kHour, 20));
  EXPECT_NEAR(often.FactorAt(6 * kHour), once.FactorAt(6 * kHour), 0.01);
}

// A loop as in the daemon: what is issued holds the factors of then, and is known a day later.
TEST(RuleLedgerTest, KeepsTheCoverageOfAModelThatIsTooSure) {
  RuleLedger ledger = Ledger();
  std::mt19937_64 random(1);
  std::normal_distribution<double> truth(10, 2.5);  // the model's 8..12 should be 6.8..13.2
  constexpr int kDelay = 24;
  std::vector<double> issued;
  int inside = 0;
  int scored = 0;
  for (int hour = 0; hour < 24 * 200; ++hour) {
    issued.push_back(ledger.FactorAt(kDay));
    if (hour < kDelay) continue;
    const OutcomeBatch batch =
        Batch(kDay, kStart + hour * kHour, truth(random), issued[issued.size() - 1 - kDelay]);
    const Losses losses = LossesOf(batch.outcomes[0], batch.levels);
    if (hour > 24 * 20) {
      inside += losses.inside == 1 ? 1 : 0;
      ++scored;
    }
    ledger.Add(batch);
  }
  EXPECT_NEAR(static_cast<double>(inside) / scored, 0.8, 0.03);
}

TEST(RuleLedgerTest, LossesByLeadAndByAggregate) {
  RuleLedger ledger = Ledger();
  ledger.Add(Batch(kHour, kStart, 11));
  ledger.Add(Batch(kDay, kStart, 14));
  ASSERT_THAT(ledger.leads(), SizeIs(3));
  EXPECT_EQ(ledger.leads()[0].losses.Means().error, 0.5);
  EXPECT_TRUE(IsMissing(ledger.leads()[1].losses.Means().error));
  EXPECT_EQ(ledger.leads()[2].losses.Means().error, 2);
  ASSERT_NE(ledger.OfAggregate(AggregateId{1}), nullptr);
  EXPECT_EQ(ledger.OfAggregate(AggregateId{1})->Means().error, 1.25);
  EXPECT_EQ(ledger.OfAggregate(AggregateId{2}), nullptr);
  ledger.Forget(kStart);
  EXPECT_EQ(ledger.aggregates(), 1U);
  ledger.Forget(kStart + 1);
  EXPECT_EQ(ledger.aggregates(), 0U);
}

TEST(RuleLedgerTest, LeadsThatStayKeepWhatIsKnown) {
  RuleLedger ledger = Ledger();
  ledger.Add(Batch(kHour, kStart, 20));
  const double before = ledger.FactorAt(kHour);
  const DurationMs leads[] = {kHour, 2 * kDay};
  ledger.SetLeads(leads);
  EXPECT_EQ(ledger.FactorAt(kHour), before);
  EXPECT_EQ(ledger.FactorAt(2 * kDay), 1);
  EXPECT_FALSE(ledger.Add(Batch(6 * kHour, kStart, 20)));  // not a lead any more
}

TEST(RuleLedgerTest, SurvivesAsBytes) {
  RuleLedger ledger = Ledger();
  for (int day = 0; day < 40; ++day) {
    for (const DurationMs lead_ms : {kHour, 6 * kHour, kDay}) {
      ledger.Add(Batch(lead_ms, kStart + day * kDay, 10 + day % 5));
    }
  }
  const std::string bytes = ledger.Serialize();
  // Per aggregate: its number and its sums.
  EXPECT_LE(sizeof(AggregateId) + sizeof(LossSums), 48U);
  RuleLedger again;
  ASSERT_TRUE(again.Parse(bytes));
  EXPECT_EQ(again.Serialize(), bytes);
  EXPECT_EQ(again.FactorAt(3 * kHour), ledger.FactorAt(3 * kHour));
  EXPECT_EQ(again.drift().score(), ledger.drift().score());
  EXPECT_EQ(again.OfAggregate(AggregateId{1})->Means().bias,
            ledger.OfAggregate(AggregateId{1})->Means().bias);
  for (size_t cut = 0; cut < bytes.size(); cut += 7) {
    if (cut + sizeof(AggregateId) + sizeof(LossSums) == bytes.size()) continue;
    EXPECT_FALSE(again.Parse(bytes.substr(0, cut))) << cut;
  }
  EXPECT_EQ(again.Serialize(), bytes);  // as it was
}

TEST(RuleLedgerTest, DriftShowsAtShortLeads) {
  RuleLedger ledger = Ledger();
  bool drift = false;
  TimestampMs t = kStart;
  for (; t < kStart + 10 * kDay; t += kHour) {
    drift |= ledger.Add(Batch(kHour, t, t % (2 * kHour) == 0 ? 10.5 : 11));
  }
  EXPECT_FALSE(drift);
  for (; t < kStart + 12 * kDay; t += kHour) drift |= ledger.Add(Batch(kHour, t, 15));
  EXPECT_TRUE(drift);
  EXPECT_GT(ledger.drift().alarmed_at_ms(), kStart + 10 * kDay);
}

}  // namespace
}  // namespace auspex
