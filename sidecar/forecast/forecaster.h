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
#include "sidecar/history/aggregates_by_labels.h"
#include "sidecar/history/history.h"
#include "sidecar/registry/model_registry.h"

namespace auspex {

// What a run gave.
struct ForecastRun {
  std::shared_ptr<RuleForecasts> served;
  // While a challenger runs: what the model that does not serve an aggregate says of it, from the
  // same context; by id ascending, for those with a curve. Without limits.
  std::vector<Forecast> shadows;
};

// Not thread-safe: the forecast actor owns it. What it was given must outlive it.
class Forecaster {
 public:
  Forecaster(const History& history, const ModelRegistry& registry, model::Engine& engine,
             const Clock& clock, prometheus::Registry& metrics);

  // One forecast for each aggregate that is alive at `origin_ms`, by id ascending: from its own
  // weights or the base as the publish gate chose; with an empty curve and model "none" where
  // there is not enough history. Aggregates that ended are absent. A challenger serves its share of
  // the aggregates (challenge_share.h), as far as it gives numbers.
  absl::StatusOr<ForecastRun> Run(const ActiveRule& active, const TimeZone& timezone,
                                  TimestampMs origin_ms);

 private:
  struct Candidate;

  std::vector<Candidate> Inspect(const ActiveRule& active, const model::ModelSpec& spec,
                                 TimestampMs origin_ms) const;
  absl::Status RunBatch(const model::ModelSpec& spec, const PreparedRule& prepared,
                        std::span<const AggregatesByLabels> covariates, std::span<Candidate*> batch,
                        TimestampMs origin_ms);
  // Forecasts a batch with one version, from contexts_ and covariates_, into `forecast` of each.
  absl::Status RunModels(PreparedVersion& prepared, std::span<Candidate*> batch,
                         TimestampMs origin_ms, Forecast Candidate::*forecast);
  void FillCovariates(std::span<const AggregatesByLabels> covariates, const LabelSet& labels,
                      TimestampMs origin_ms, std::span<float> out) const;
  void FillLimits(const ActiveRule& active, TimestampMs origin_ms,
                  std::vector<Forecast>& forecasts) const;

  const History& history_;
  const ModelRegistry& registry_;
  model::Engine& engine_;
  const Clock& clock_;
  ForecastMetrics metrics_;
  PreparedModels prepared_;
  // Of one batch:
  std::vector<float> contexts_;
  std::vector<float> covariates_;
  std::vector<float> outputs_;
};

}  // namespace auspex
