#include "sidecar/backtest/causal_calibration.h"

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <utility>

#include "sidecar/core/calibration.h"
#include "sidecar/ledger/rule_ledger.h"

namespace auspex {
namespace {

constexpr std::array kLevels = {0.1, 0.5, 0.9};
constexpr size_t kMedian = 1;

class Replay {
 public:
  explicit Replay(const BacktestTask& task)
      : task_(task),
        leads_ms_(LedgerLeads({}, task.spec.horizon_steps * task.spec.step_ms, ScoreStep())) {
    ledger_.SetLeads(leads_ms_);
  }

  // Forecasts of one origin. REQUIRES: later than those before.
  void Issue(std::span<BacktestForecast* const> forecasts) {
    const TimestampMs origin_ms = forecasts.front()->origin_ms;
    Close(origin_ms);
    for (size_t lead = 0; lead < leads_ms_.size(); ++lead) Keep(lead, forecasts);
    for (BacktestForecast* forecast : forecasts) Calibrate(*forecast);
  }

 private:
  DurationMs ScoreStep() const { return std::max(1, task_.score_steps) * task_.spec.step_ms; }

  float ValueAt(size_t series, TimestampMs t) const {
    const BacktestSeries& one = task_.series[series];
    const auto i = (t - one.first_ms) / task_.spec.step_ms;
    const bool known = t >= one.first_ms && i < static_cast<DurationMs>(one.values.size());
    return known ? one.values[static_cast<size_t>(i)] : static_cast<float>(Missing());
  }

  CalibrationContext ContextOf(const BacktestForecast& forecast) const {
    bool never_negative = true;
    const DurationMs step_ms = task_.spec.step_ms;
    for (int i = 0; i < task_.spec.context_steps && never_negative; ++i) {
      never_negative = !(ValueAt(forecast.series, forecast.origin_ms - i * step_ms) < 0);
    }
    const float last = ValueAt(forecast.series, forecast.origin_ms);
    return {static_cast<double>(last), never_negative};
  }

  // What will be known of these forecasts at one lead, without the truths.
  void Keep(size_t lead, std::span<BacktestForecast* const> forecasts) {
    OutcomeBatch batch{.lead_ms = leads_ms_[lead],
                       .target_ms = forecasts.front()->origin_ms + leads_ms_[lead],
                       .levels = {kLevels.begin(), kLevels.end()},
                       .outcomes = {}};
    for (const BacktestForecast* forecast : forecasts) {
      const auto at = static_cast<size_t>(leads_ms_[lead] / ScoreStep()) - 1;
      const CalibrationContext context = ContextOf(*forecast);
      batch.outcomes.push_back(
          {.aggregate = AggregateId{static_cast<uint32_t>(forecast->series)},
           .quantiles = {forecast->low[at], forecast->median[at], forecast->high[at]},
           .last_value = context.last_value,
           .never_negative = context.never_negative});
    }
    open_[batch.target_ms].push_back(std::move(batch));
  }

  // Scores the targets up to `t_ms`.
  void Close(TimestampMs t_ms) {
    for (; !open_.empty() && open_.begin()->first <= t_ms; open_.erase(open_.begin())) {
      for (OutcomeBatch& batch : open_.begin()->second) {
        for (Outcome& outcome : batch.outcomes) {
          outcome.truth =
              static_cast<double>(ValueAt(static_cast<size_t>(outcome.aggregate), batch.target_ms));
        }
        std::erase_if(batch.outcomes, [](const Outcome& outcome) {
          return IsMissing(outcome.truth) || IsMissing(static_cast<double>(outcome.quantiles[1]));
        });
        ledger_.Add(batch);
      }
    }
  }

  void Calibrate(BacktestForecast& forecast) const {
    const CalibrationContext context = ContextOf(forecast);
    for (size_t k = 0; k < forecast.median.size(); ++k) {
      float quantiles[] = {forecast.low[k], forecast.median[k], forecast.high[k]};
      const auto lead_ms = static_cast<DurationMs>(k + 1) * ScoreStep();
      CalibrateTarget(ledger_.FactorAt(lead_ms), kMedian, context, quantiles);
      forecast.low[k] = quantiles[0];
      forecast.high[k] = quantiles[2];
    }
  }

  const BacktestTask& task_;
  const std::vector<DurationMs> leads_ms_;
  RuleLedger ledger_;
  std::map<TimestampMs, std::vector<OutcomeBatch>> open_;  // by target time
};

}  // namespace

void CalibrateCausally(const BacktestTask& task, std::vector<BacktestForecast>* forecasts) {
  std::map<TimestampMs, std::vector<BacktestForecast*>> by_origin;
  for (BacktestForecast& forecast : *forecasts) {
    by_origin[forecast.origin_ms].push_back(&forecast);
  }
  Replay replay(task);
  for (const auto& [origin_ms, of_it] : by_origin) replay.Issue(of_it);
}

}  // namespace auspex
