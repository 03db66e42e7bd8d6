#include "sidecar/forecast/prepared_models.h"

#include <utility>

#include "sidecar/forecast/level_shift.h"

namespace auspex {

absl::StatusOr<const model::PreparedModel*> PreparedVersion::Base() {
  if (base_ == nullptr) {
    auto prepared = engine_.Prepare(
        spec_, version_ == nullptr ? model::UntrainedWeights(spec_) : version_->base());
    if (!prepared.ok()) return prepared.status();
    base_ = *std::move(prepared);
    source_read_ = true;
  }
  return base_.get();
}

absl::StatusOr<const model::PreparedModel*> PreparedVersion::Own(AggregateId aggregate) {
  auto& own = own_[aggregate];
  if (own == nullptr) {
    auto prepared = engine_.Prepare(spec_, version_->OwnWeights(aggregate));
    if (!prepared.ok()) return prepared.status();
    own = *std::move(prepared);
    source_read_ = true;
  }
  return own.get();
}

void PreparedVersion::ReleaseSource() {
  if (source_read_ && version_ != nullptr) version_->ReleaseMemory();
  source_read_ = false;
}

absl::StatusOr<ServingModel> PreparedVersion::Serving(AggregateId aggregate,
                                                      std::span<const float> context) {
  ServingModel serving;
  bool own = false;
  if (version_ != nullptr) {
    const ModelChoice& choice = version_->ChoiceFor(aggregate);
    own = choice.own && !version_->OwnWeights(aggregate).empty();
    serving.blend = choice.blend;
  }
  if (IsLevelShift(context, spec_.step_ms)) {
    serving.level_shift = true;
    serving.blend = {.network = 0, .seasonal_naive = 0, .last = 1};
  }
  const auto model = own ? Own(aggregate) : Base();
  if (!model.ok()) return model.status();
  serving.model = *model;
  return serving;
}

PreparedVersion& PreparedModels::For(const std::string& rule, const model::ModelSpec& spec,
                                     std::shared_ptr<const ModelVersion> version) {
  std::unique_ptr<PreparedVersion>& prepared = rules_[rule];
  if (prepared == nullptr || prepared->version() != version.get() || !(prepared->spec() == spec)) {
    prepared = std::make_unique<PreparedVersion>(engine_, spec, std::move(version));
  }
  return *prepared;
}

}  // namespace auspex
