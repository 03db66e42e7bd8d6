// What is forecast: one rule of the configuration, checked and with every default filled in.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sidecar/core/aggregation_rule.h"
#include "sidecar/core/day_period.h"
#include "sidecar/core/sample.h"

namespace auspex {

// The value that an aggregate must not reach.
struct Limit {
  std::optional<double> constant;              // the same for every aggregate, or
  std::optional<AggregationRule> aggregation;  // joined on the same aggregate labels
  bool operator==(const Limit&) const = default;
};

struct ModelConfig {
  std::string cell = "lstm";  // lstm | gru | transformer | none
  int hidden = 16;
  int layers = 1;
  int members = 3;  // networks that forecast together; odd
  DurationMs context_ms = 14 * kDay;
  std::vector<double> quantiles = {0.1, 0.5, 0.9};  // ascending, holds 0.5
  bool operator==(const ModelConfig&) const = default;
};

// Tries other settings of the fit at every training.
struct TuneConfig {
  int trials = 16;
  DurationMs time_ms = 5 * kMinute;  // of CPU, in the trainer
  bool operator==(const TuneConfig&) const = default;
};

// A trained version serves only after a trial beside the one that does.
struct ChallengeConfig {
  // Leads up to an eighth of it are compared: up to six hours, over every hour of the day twice.
  DurationMs for_ms = 2 * kDay;
  int share_percent = 0;  // of the aggregates, which the challenger serves meanwhile
  bool operator==(const ChallengeConfig&) const = default;
};

struct RetrainConfig {
  DurationMs every_ms = kDay;
  DurationMs min_history_ms = 3 * kDay;      // younger aggregates are served by the shared base
  bool per_aggregate = true;                 // fine-tune own weights besides the base
  int cpu_percent = 100;                     // of the trainer's processors, at most
  std::optional<TuneConfig> tune;            // none: fit as the recipe says
  std::optional<ChallengeConfig> challenge;  // none: a trained version serves at once
  bool operator==(const RetrainConfig&) const = default;
};

// A plain value.
struct Rule {
  std::string name;
  // Set for selector rules. For query rules `query` is set, and `values` holds only name and step.
  AggregationRule values;
  std::string query;                 // PromQL, pulled from the upstream at every step
  std::string base_name;             // output series start with it ("storage_used_bytes")
  DurationMs horizon_ms = kDay;      // a multiple of the step
  std::vector<DurationMs> leads_ms;  // written back as series; ascending
  DurationMs interval_ms = 5 * kMinute;
  DurationMs retention_ms = 30 * kDay;
  std::optional<DayPeriod> day;  // gives the output label `period`
  std::optional<Limit> limit;
  std::vector<AggregationRule> covariates;  // what models read beside the values, at most 8
  // Local days unlike others, in days since 1970-01-01, ascending; at most 1000.
  std::vector<int> special_days;
  size_t aggregates_max = 10000;  // further aggregates are refused, counted and logged
  // Forecasts are made to add up with those of other rules that reconcile, where the aggregates of
  // one are sums of those of the other.
  bool reconcile = false;
  ModelConfig model;
  RetrainConfig retrain;

  bool pulled() const { return !query.empty(); }
  // Every aggregation rule that this rule needs: values (unless pulled), limit, covariates.
  std::vector<AggregationRule> Aggregations() const;
  // The PromQL whose value at a step boundary is the aggregate's value there.
  std::string Promql() const;
  // Of `values`, or of the query and its step: history under another fingerprint is not reused.
  std::string Fingerprint() const;

  // Whether everything that it reads is what `other` reads: what has a history then has it still.
  bool ReadsAs(const Rule& other) const;

  bool operator==(const Rule&) const = default;
};

}  // namespace auspex
