// Forecasts every aggregate of a rule at one origin.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "model/engine/engine.h"
#include "sidecar/base/clock.h"
#include "sidecar/base/log.h"
#include "sidecar/core/active_rule.h"
#include "sidecar/forecast/forecast_metrics.h"
#include "sidecar/forecast/forecast_store.h"
#include "sidecar/forecast/prepared_models.h"
#include "sidecar/history/history.h"
#include "sidecar/registry/model_registry.h"

namespace auspex {

// Not thread-safe: the forecast actor owns it. What it was given must outlive it.
class Forecaster {
 public:
  Forecaster(const History& history, const ModelRegistry& registry, model::Engine& engine,
             const Clock& clock, prometheus::Registry& metrics);

  // One forecast for each aggregate that is alive at `origin_ms`, by id ascending: from its own
  // weights or the base as the publish gate chose; with an empty curve and model "none" where
  // there is not enough history. Aggregates that ended are absent.
  absl::StatusOr<std::shared_ptr<RuleForecasts>> Run(const ActiveRule& active,
                                                     const TimeZone& timezone,
                                                     TimestampMs origin_ms);

 private:
  struct Candidate;

  std::vector<Candidate> Inspect(const ActiveRule& active, const model::ModelSpec& spec,
                                 TimestampMs origin_ms) const;
  void NameModel(const ActiveRule& active, const PreparedVersion& prepared,
                 Candidate& candidate) const;
  absl::Status RunBatch(const model::ModelSpec& spec, PreparedVersion& prepared,
                        std::span<Candidate*> batch, TimestampMs origin_ms);
  void FillLimits(const ActiveRule& active, TimestampMs origin_ms,
                  std::vector<Forecast>& forecasts) const;

  const History& history_;
  const ModelRegistry& registry_;
  model::Engine& engine_;
  const Clock& clock_;
  ForecastMetrics metrics_;
  PreparedModels prepared_;
  std::vector<float> contexts_;  // of one batch
  std::vector<float> outputs_;   // of one batch
};

}  // namespace auspex
