#include "sidecar/ledger/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/ledger/ledger_test.h"

namespace auspex {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;

class LedgerTest : public LedgerFixture {
 protected:
  LedgerTest() : LedgerFixture(1) {}

  // The same forecast for every target, 1 to either side.
  Forecast Told(int hour, float median) const {
    Forecast forecast = Untold(hour, 0);
    forecast.never_negative = true;
    for (int k = 0; k < 25; ++k) {
      forecast.values.insert(forecast.values.end(), {median - 1, median, median + 1});
    }
    return forecast;
  }

  // The families of the ledger's metrics that have series.
  std::vector<std::string> ShownFamilies() const {
    std::vector<std::string> names;
    for (const auto& family : metrics_->Collect()) {
      if (family.name.starts_with("auspex_ledger_") && !family.metric.empty()) {
        names.push_back(family.name);
      }
    }
    return names;
  }

  void Live(int first, int last, float median) {
    for (int hour = first; hour < last; ++hour) {
      Close(hour);
      ledger_->Score(active_);
      Issue(hour, {Told(hour, median)});
    }
  }
};

TEST_F(LedgerTest, ScoresEachForecastWhenItsTargetCloses) {
  Live(0, 48, 60);
  const std::vector<LeadRecord> leads = ledger_->Leads(active_);
  ASSERT_EQ(leads.size(), 3U);
  EXPECT_EQ(leads[0].lead_ms, kHour);
  EXPECT_EQ(leads[1].lead_ms, 6 * kHour);
  EXPECT_EQ(leads[2].lead_ms, 24 * kHour);
  // Issued at 0..46 for an hour later; at 0..23 for a day later.
  EXPECT_EQ(leads[0].losses.newest_ms(), At(47));
  EXPECT_NEAR(leads[0].losses.weight(), 47, 5);
  EXPECT_NEAR(leads[2].losses.weight(), 24, 2);
  // The saw of the second day is 52..75, in seasons of 2 a day.
  double error = 0;
  for (int hour = 24; hour < 48; ++hour) error += std::abs(Saw(hour) - 60) / 2 / 24;
  EXPECT_NEAR(leads[2].losses.Means().error, error, 0.3);
  EXPECT_NEAR(leads[2].losses.Means().naive_error, 1, 1e-3);
  EXPECT_LT(leads[2].losses.Means().bias, 0);
  const auto of_it = ledger_->OfAggregate(active_, aggregates_[0]);
  ASSERT_TRUE(of_it.has_value());
  EXPECT_GT(of_it->weight(), 90);
  EXPECT_FALSE(ledger_->OfAggregate(active_, AggregateId{99}).has_value());
}

TEST_F(LedgerTest, IntervalsGrowUntilTheyHold) {
  daily_ = 0.01;
  Live(0, 24 * 20, 62);
  std::vector<Forecast> forecasts = {Told(480, 62)};
  ledger_->Calibrate(active_, forecasts);
  EXPECT_EQ(forecasts[0].values[1], 62);
  // The saw strays by 12 from its middle, and no factor is above 4.
  EXPECT_NEAR(forecasts[0].values[0], 58, 0.01);
  EXPECT_NEAR(forecasts[0].values[2], 66, 0.01);
}

TEST_F(LedgerTest, NoOutcomeIsLostOrCountsTwiceOverARestart) {
  Live(0, 60, 60);
  Open();
  clock_stands_ = true;  // so that only the first step from here on is written
  Live(60, 72, 60);
  Open();  // as after a crash
  ledger_->Score(active_);
  ledger_->Score(active_);
  double weight = 0;  // of the targets at 1..71
  for (int hour = 1; hour <= 71; ++hour) weight += std::exp2((hour - 71) / (7 * 24.0));
  const LeadRecord lead = ledger_->Leads(active_)[0];
  EXPECT_EQ(lead.losses.newest_ms(), At(71));
  EXPECT_NEAR(lead.losses.weight(), weight, 1e-3);
}

TEST_F(LedgerTest, MissingTruthsAreNotScored) {
  Live(0, 10, 60);
  const double weight = ledger_->Leads(active_)[0].losses.weight();
  ASSERT_TRUE(history_->AppendStep(active_.values_id, At(10), {}).ok());
  ledger_->Score(active_);
  EXPECT_EQ(ledger_->Leads(active_)[0].losses.newest_ms(), At(9));
  EXPECT_EQ(ledger_->Leads(active_)[0].losses.weight(), weight);
}

TEST_F(LedgerTest, ARuleThatIsGoneLeavesNothing) {
  Live(0, 10, 60);
  ledger_->Save();
  EXPECT_EQ(state_->Keys("ledger/")->size(), 1U);
  ActiveRules rules;
  rules.rules = {active_};
  ledger_->Retain(rules);
  EXPECT_EQ(state_->Keys("ledger/")->size(), 1U);
  EXPECT_EQ(ledger_->Leads(active_).size(), 3U);
  ledger_->Retain({});
  EXPECT_TRUE(state_->Keys("ledger/")->empty());
  EXPECT_TRUE(ledger_->Leads(active_).empty());
}

TEST_F(LedgerTest, MetricsGoWithTheirRuleOrLead) {
  Live(0, 30, 60);
  ActiveRules rules;
  rules.rules = {active_};
  ledger_->Retain(rules);
  EXPECT_EQ(Metric("auspex_ledger_outcomes_total"), 29 + 24 + 6);
  EXPECT_THAT(ShownFamilies(), Contains("auspex_ledger_drift_score"));

  rules.rules[0].rule.horizon_ms = 48 * kHour;
  rules.rules[0].rule.leads_ms = {24 * kHour};  // and 2, 12 and 48 of the ledger's own
  ledger_->Retain(rules);
  EXPECT_EQ(Metric("auspex_ledger_outcomes_total"), 6);
  EXPECT_THAT(ShownFamilies(), Contains("auspex_ledger_drift_score"));

  rules.rules[0].values_id = RuleId{77};  // the same name, another history
  ledger_->Retain(rules);
  EXPECT_THAT(ShownFamilies(), IsEmpty());
}

TEST_F(LedgerTest, ShowsItselfAsMetrics) {
  Live(0, 30, 60);
  EXPECT_EQ(Metric("auspex_ledger_outcomes_total"), 29 + 24 + 6);
}

}  // namespace
}  // namespace auspex
