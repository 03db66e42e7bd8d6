#include "sidecar/ledger/ledger.h"

#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "sidecar/history/store.h"
#include "tests/testing/manual_clock.h"
#include "tests/testing/temp_dir.h"

namespace auspex {
namespace {

constexpr TimestampMs kStart = 20'000 * kDay;
constexpr DurationMs kStep = kHour;

Rule HourlyRule() {
  Rule rule;
  rule.name = "queue";
  rule.values.step_ms = kStep;
  rule.horizon_ms = 24 * kHour;
  rule.leads_ms = {kHour, 24 * kHour};
  rule.interval_ms = kStep;
  rule.model.context_ms = 7 * kDay;
  return rule;
}

class LedgerTest : public testing::Test {
 protected:
  LedgerTest() { Open(); }

  void Open() {
    ledger_.reset();
    history_.reset();
    state_.reset();
    issued_.reset();
    shadow_.reset();
    store_.reset();
    store_ = *Store::Open({.path = dir_.File("db")}, Logger());
    history_ = *History::Open(*store_, {}, Logger(), metrics_);
    issued_ = std::make_unique<IssuedLog>(*store_);
    shadow_ = std::make_unique<IssuedLog>(*store_, Store::Family::kShadow);
    state_ = std::make_unique<StateStore>(*store_);
    active_.values_id = *history_->RegisterRule({.name = "queue",
                                                 .fingerprint = "f",
                                                 .step_ms = kStep,
                                                 .retention_ms = 30 * kDay,
                                                 .context_steps = 7 * 24});
    aggregate_ = *history_->Intern(active_.values_id, LabelSet({{"user", "ann"}}));
    ledger_ = std::make_unique<Ledger>(
        LedgerParts{*history_, *issued_, *shadow_, *state_, clock_, Logger(), metrics_});
  }

  // A saw that rises by 1 per hour and by `daily` from day to day.
  double Saw(int hour) const {
    const int day = hour / 24;
    return 50 + hour % 24 + daily_ * day;
  }

  void Close(int hour) {
    const AggregateValue value{aggregate_, Saw(hour)};
    ASSERT_TRUE(history_->AppendStep(active_.values_id, At(hour), std::span(&value, 1)).ok());
    if (!clock_stands_) clock_.Set(At(hour) + kMinute);
  }

  Forecast Told(int hour, float median) const {
    Forecast forecast;
    forecast.aggregate = aggregate_;
    forecast.origin_ms = At(hour);
    forecast.step_ms = kStep;
    forecast.quantile_levels = {0.1, 0.5, 0.9};
    forecast.never_negative = true;
    for (int k = 0; k < 25; ++k) {
      forecast.values.insert(forecast.values.end(), {median - 1, median, median + 1});
    }
    return forecast;
  }

  // What the daemon does at a step: the same forecast for every target, 1 to either side.
  void Issue(int hour, float median) {
    std::vector<Forecast> forecasts = {Told(hour, median)};
    ledger_->Calibrate(active_, forecasts);
    IssuedRow row;
    ledger_->FillIssued(active_, &row);
    row.quantile_levels = forecasts[0].quantile_levels;
    IssuedForecast issued{aggregate_, {}};
    for (const DurationMs lead_ms : row.leads_ms) {
      for (size_t q = 0; q < 3; ++q) {
        issued.values.push_back(static_cast<float>(forecasts[0].At(q, At(hour) + lead_ms)));
      }
    }
    row.forecasts.push_back(std::move(issued));
    ASSERT_TRUE(issued_->Put(active_.values_id, At(hour), row).ok());
  }

  void Live(int first, int last, float median) {
    for (int hour = first; hour < last; ++hour) {
      Close(hour);
      ledger_->Score(active_);
      Issue(hour, median);
    }
  }

  static TimestampMs At(int hour) { return kStart + hour * kHour; }

  const TempDir dir_;
  prometheus::Registry metrics_;
  ManualClock clock_{kStart};
  std::unique_ptr<Store> store_;
  std::unique_ptr<History> history_;
  std::unique_ptr<IssuedLog> issued_;
  std::unique_ptr<IssuedLog> shadow_;
  std::unique_ptr<StateStore> state_;
  std::unique_ptr<Ledger> ledger_;
  ActiveRule active_{HourlyRule(), OutputNames("queue"), RuleId{}, std::nullopt};
  AggregateId aggregate_{};
  double daily_ = 2;
  bool clock_stands_ = false;
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
  const auto of_it = ledger_->OfAggregate(active_, aggregate_);
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

TEST_F(LedgerTest, ShowsItselfAsMetrics) {
  Live(0, 30, 60);
  bool found = false;
  for (const auto& family : metrics_.Collect()) {
    if (family.name != "auspex_ledger_outcomes_total") continue;
    found = true;
    double outcomes = 0;
    for (const auto& metric : family.metric) outcomes += metric.counter.value;
    EXPECT_EQ(outcomes, 29 + 24 + 6);
  }
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace auspex
