#include "tests/bench/memory/prepared_storage.h"

#include <prometheus/registry.h>

#include <cmath>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/spec/weights.h"
#include "sidecar/app/rule_book.h"
#include "sidecar/core/duration.h"
#include "sidecar/core/time_zone.h"
#include "sidecar/forecast/rule_spec.h"
#include "sidecar/history/history.h"
#include "sidecar/history/store.h"
#include "sidecar/registry/model_registry.h"

namespace auspex {
namespace {

constexpr size_t kStepsAtOnce = 120;  // a block: bounds the memory of one append

double ValueOf(size_t aggregate, int64_t step, std::minstd_rand& random) {
  const double angle = 6.2831853 * static_cast<double>(step % 288) / 288;
  const double noise = static_cast<double>(random()) / 2147483648.0;
  return 1e9 * static_cast<double>(1 + aggregate % 97) * (1 + 0.1 * std::sin(angle) + 0.02 * noise);
}

absl::Status FillHistory(History& history, RuleId rule, DurationMs step_ms, size_t steps,
                         const std::vector<AggregateId>& aggregates, TimestampMs last_step_ms) {
  std::minstd_rand random(1);
  std::vector<double> matrix;
  size_t left = steps;
  while (left > 0) {
    const size_t part = std::min(left, kStepsAtOnce);
    const TimestampMs first_ms = last_step_ms - static_cast<DurationMs>(left - 1) * step_ms;
    matrix.resize(aggregates.size() * part);
    for (size_t i = 0; i < aggregates.size(); ++i) {
      for (size_t s = 0; s < part; ++s) {
        const int64_t step = first_ms / step_ms + static_cast<int64_t>(s);
        matrix[i * part + s] = ValueOf(i, step, random);
      }
    }
    const StepRange range{first_ms, first_ms + static_cast<DurationMs>(part - 1) * step_ms};
    absl::Status status = history.AppendRange(rule, range, aggregates, matrix);
    if (!status.ok()) return status;
    left -= part;
  }
  return history.Maintain(last_step_ms);
}

// What the gate leaves of its comparison, for a rule or an aggregate.
std::vector<ModelScore> Scores(bool own) {
  std::vector<ModelScore> scores;
  for (const char* name : {"base", "base+seasonal_naive", "base+last", "seasonal_naive", "last"}) {
    scores.push_back({name, 0.5, 0.2});
  }
  if (own) {
    for (const char* name : {"own", "own+seasonal_naive", "own+last"}) {
      scores.push_back({name, 0.4, 0.2});
    }
  }
  return scores;
}

TrainedModels Models(const model::ModelSpec& spec, const std::vector<AggregateId>& aggregates,
                     const StorageContents& contents) {
  TrainedModels models;
  models.spec = spec;
  models.base = model::UntrainedWeights(spec);
  models.scores = Scores(false);
  models.trained_at_ms = contents.last_step_ms;
  for (const AggregateId id : aggregates) {
    TrainedAggregate trained{.aggregate = id, .scores = Scores(contents.own_weights)};
    if (contents.own_weights) {
      const auto base = models.base.values();
      std::vector<float> values(base.begin(), base.end());
      values.back() += 1e-6F * static_cast<float>(id);
      trained.own = model::Weights::FromVector(std::move(values));
      trained.choice = {.candidate = "own", .own = true};
    }
    models.aggregates.push_back(std::move(trained));
  }
  return models;
}

}  // namespace

LabelSet AggregateLabels(size_t aggregate) {
  return {{"cluster", absl::StrCat("cluster-", aggregate % 4)},
          {"group", absl::StrCat("research-group-", aggregate % 200)},
          {"storage_type", aggregate % 2 == 0 ? "scratch" : "home"},
          {"user", absl::StrCat("user-", aggregate)}};
}

absl::Status PrepareStorage(const std::string& path, const Config& config,
                            const StorageContents& contents) {
  const auto store = Store::Open({.path = path + "/history"}, Logger());
  if (!store.ok()) return store.status();
  prometheus::Registry metrics;
  const auto history = History::Open(**store, HistoryOptions(), Logger(), metrics);
  if (!history.ok()) return history.status();
  RuleBook rules(**history);
  if (absl::Status status = rules.Apply(config); !status.ok()) return status;
  const Rule& rule = config.rules.front();
  const auto id = rules.IdOf(rule.name);
  if (!id.ok()) return id.status();

  std::vector<AggregateId> aggregates;
  for (size_t i = 0; i < contents.aggregates; ++i) {
    const auto aggregate = (*history)->Intern(*id, AggregateLabels(i));
    if (!aggregate.ok()) return aggregate.status();
    aggregates.push_back(*aggregate);
  }
  const model::ModelSpec spec = SpecForRule(rule, TimeZone(), contents.last_step_ms);
  absl::Status status =
      FillHistory(**history, *id, spec.step_ms, static_cast<size_t>(spec.context_steps), aggregates,
                  contents.last_step_ms);
  if (!status.ok()) return status;
  const auto registry = ModelRegistry::Open({.directory = path + "/models"}, Logger(), metrics);
  if (!registry.ok()) return registry.status();
  return (*registry)->Publish(rule.name, Models(spec, aggregates, contents)).status();
}

}  // namespace auspex
