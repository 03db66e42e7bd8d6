// The models of each rule in the engine's own form, prepared once per version.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "model/engine/engine.h"
#include "sidecar/core/forecast.h"
#include "sidecar/registry/model_registry.h"

namespace auspex {

// What answers for one aggregate.
struct ServingModel {
  const model::PreparedModel* model = nullptr;
  model::Blend blend;
  bool level_shift = false;  // and the blend is therefore the last value
};

// Prepared weights of one version; `version` is null for a rule without a trained model, whose
// base is the untrained network.
class PreparedVersion {
 public:
  PreparedVersion(model::Engine& engine, const model::ModelSpec& spec,
                  std::shared_ptr<const ModelVersion> version)
      : engine_(engine), spec_(spec), version_(std::move(version)) {}

  const ModelVersion* version() const { return version_.get(); }
  const model::ModelSpec& spec() const { return spec_; }
  // To be applied to every forecast of the version (core/calibration.h).
  double interval_factor() const {
    return version_ == nullptr ? 1 : version_->summary().interval_factor;
  }

  absl::StatusOr<const model::PreparedModel*> Base();
  // The aggregate's own weights. REQUIRES: the version has some for it.
  absl::StatusOr<const model::PreparedModel*> Own(AggregateId aggregate);
  // Gives back the memory of the version's weights that preparing or forecasting has read.
  void ReleaseSource() const;
  // As the publish gate chose: own weights or the base, and the blend with naive forecasts. After a
  // level shift (level_shift.h) in `context`: the last value, with the network's spreads around it.
  absl::StatusOr<ServingModel> Serving(AggregateId aggregate, std::span<const float> context);

 private:
  model::Engine& engine_;
  const model::ModelSpec spec_;
  const std::shared_ptr<const ModelVersion> version_;
  std::shared_ptr<const model::PreparedModel> base_;
  absl::flat_hash_map<AggregateId, std::shared_ptr<const model::PreparedModel>> own_;
};

// What forecasts one rule.
struct PreparedRule {
  std::unique_ptr<PreparedVersion> champion;
  std::unique_ptr<PreparedVersion> challenger;  // null without one
};

// Keeps the prepared versions of every rule until the rule has others. Not thread-safe: one
// forecaster owns it.
class PreparedModels {
 public:
  explicit PreparedModels(model::Engine& engine) : engine_(engine) {}

  // The prepared form of `versions` under `spec`, also of a champion that is null: untrained. A
  // challenger that has become the champion is not prepared again.
  const PreparedRule& For(const std::string& rule, const model::ModelSpec& spec,
                          const ServingVersions& versions);

 private:
  model::Engine& engine_;
  absl::flat_hash_map<std::string, PreparedRule> rules_;
};

}  // namespace auspex
