// Closes steps, keeps them, scores what was forecast for them, and forecasts every rule that is
// due; rules of one hierarchy so that their forecasts add up. Ends challenges that are decided.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "sidecar/aggregate/aggregator.h"
#include "sidecar/app/rule_book.h"
#include "sidecar/app/step_writer.h"
#include "sidecar/base/clock.h"
#include "sidecar/base/log.h"
#include "sidecar/core/progress_board.h"
#include "sidecar/forecast/coherence.h"
#include "sidecar/forecast/forecast_store.h"
#include "sidecar/forecast/forecaster.h"
#include "sidecar/history/issued_log.h"
#include "sidecar/history/pending_log.h"
#include "sidecar/ledger/ledger.h"
#include "sidecar/registry/model_registry.h"

namespace auspex {

// What the loop works on; everything must outlive it.
struct ForecastLoopParts {
  const RuleBook& rules;
  Aggregator& aggregator;
  StepWriter& steps;
  PendingLog& pending;
  const History& history;
  ModelRegistry& registry;
  Forecaster& forecaster;
  ForecastStore& forecasts;
  IssuedLog& issued;
  Ledger& ledger;
  const ProgressBoard& progress;
  const Clock& clock;
  Logger logger;
  std::function<void()> on_issue;  // new forecasts are in the store
};

// One thread calls Run, often: it is cheap when nothing is due.
class ForecastLoop {
 public:
  explicit ForecastLoop(ForecastLoopParts parts) : parts_(std::move(parts)) {}

  void Run();

 private:
  // What the latest issue of a rule was made from.
  struct Issue {
    TimestampMs origin_ms = 0;
    uint64_t model_version = 0;
  };

  void CloseSteps();
  void ForecastIfDue(const ActiveRule& active, const ActiveRules& rules);
  void SettleChallenge(const ActiveRule& active);
  void Publish(const RuleIssue& issue);
  void KeepIssued(const ActiveRule& active, const RuleForecasts& result);

  ForecastLoopParts parts_;
  std::map<std::string, Issue> last_;
  CoherentIssues coherent_;
};

}  // namespace auspex
