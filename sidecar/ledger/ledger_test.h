// What the tests of the ledger share: an hourly rule in real stores, lived through hour by hour.
#pragma once

#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/history/store.h"
#include "sidecar/ledger/ledger.h"
#include "tests/testing/manual_clock.h"
#include "tests/testing/temp_dir.h"

namespace auspex {

class LedgerFixture : public testing::Test {
 protected:
  static constexpr TimestampMs kStart = 20'000 * kDay;
  static constexpr DurationMs kStep = kHour;

  explicit LedgerFixture(size_t aggregates) : aggregates_(aggregates) { Open(); }

  // Opens everything, after a first time as after a crash: on what is on disk, with fresh metrics.
  void Open() {
    ledger_.reset();
    history_.reset();
    state_.reset();
    issued_.reset();
    shadow_.reset();
    store_.reset();
    metrics_ = std::make_unique<prometheus::Registry>();
    store_ = *Store::Open({.path = dir_.File("db")}, Logger());
    history_ = *History::Open(*store_, {}, Logger(), *metrics_);
    issued_ = std::make_unique<IssuedLog>(*store_);
    shadow_ = std::make_unique<IssuedLog>(*store_, Store::Family::kShadow);
    state_ = std::make_unique<StateStore>(*store_);
    active_.values_id = *history_->RegisterRule({.name = "queue",
                                                 .fingerprint = "f",
                                                 .step_ms = kStep,
                                                 .retention_ms = 30 * kDay,
                                                 .context_steps = 7 * 24});
    for (size_t i = 0; i < aggregates_.size(); ++i) {
      aggregates_[i] =
          *history_->Intern(active_.values_id, LabelSet({{"user", "u" + std::to_string(i)}}));
    }
    ledger_ = std::make_unique<Ledger>(
        LedgerParts{*history_, *issued_, *shadow_, *state_, clock_, Logger(), *metrics_});
  }

  static TimestampMs At(int hour) { return kStart + hour * kHour; }
  // The value of every aggregate: a saw that rises by 1 per hour and by `daily_` from day to day.
  double Saw(int hour) const {
    const int day = hour / 24;
    return 50 + hour % 24 + daily_ * day;
  }
  void Close(int hour) {
    std::vector<AggregateValue> values;
    for (const AggregateId aggregate : aggregates_) values.push_back({aggregate, Saw(hour)});
    ASSERT_TRUE(history_->AppendStep(active_.values_id, At(hour), values).ok());
    if (!clock_stands_) clock_.Set(At(hour) + kMinute);
  }

  // Forecasts of the hour without values.
  Forecast Untold(int hour, size_t aggregate) const {
    Forecast forecast;
    forecast.aggregate = aggregates_[aggregate];
    forecast.origin_ms = At(hour);
    forecast.step_ms = kStep;
    forecast.quantile_levels = {0.1, 0.5, 0.9};
    return forecast;
  }
  // What the daemon does with forecasts of the hour: calibrates them, and keeps what was issued.
  void Issue(int hour, std::vector<Forecast> forecasts) {
    ledger_->Calibrate(active_, forecasts);
    IssuedRow row;
    ledger_->FillIssued(active_, &row);
    row.quantile_levels = forecasts[0].quantile_levels;
    for (const Forecast& forecast : forecasts) {
      IssuedForecast issued{forecast.aggregate, {}};
      for (const DurationMs lead_ms : row.leads_ms) {
        for (size_t q = 0; q < row.quantile_levels.size(); ++q) {
          issued.values.push_back(static_cast<float>(forecast.At(q, At(hour) + lead_ms)));
        }
      }
      row.forecasts.push_back(std::move(issued));
    }
    ASSERT_TRUE(issued_->Put(active_.values_id, At(hour), row).ok());
  }

  // The sum of a metric over its series; NaN when it has none.
  double Metric(const std::string& name) const {
    for (const auto& family : metrics_->Collect()) {
      if (family.name != name || family.metric.empty()) continue;
      double sum = 0;
      for (const auto& metric : family.metric) sum += metric.gauge.value + metric.counter.value;
      return sum;
    }
    return Missing();
  }

  const TempDir dir_;
  std::unique_ptr<prometheus::Registry> metrics_;
  ManualClock clock_{kStart};
  std::unique_ptr<Store> store_;
  std::unique_ptr<History> history_;
  std::unique_ptr<IssuedLog> issued_;
  std::unique_ptr<IssuedLog> shadow_;
  std::unique_ptr<StateStore> state_;
  std::unique_ptr<Ledger> ledger_;
  ActiveRule active_{HourlyRule(), OutputNames("queue"), RuleId{}, std::nullopt};
  std::vector<AggregateId> aggregates_;
  double daily_ = 2;
  bool clock_stands_ = false;

 private:
  static Rule HourlyRule() {
    Rule rule;
    rule.name = "queue";
    rule.values.step_ms = kStep;
    rule.horizon_ms = 24 * kHour;
    rule.leads_ms = {kHour, 24 * kHour};
    rule.interval_ms = kStep;
    rule.model.context_ms = 7 * kDay;
    return rule;
  }
};

}  // namespace auspex
