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
  }
  return base_.get();
}

absl::StatusOr<const model::PreparedModel*> PreparedVersion::Own(AggregateId aggregate) {
  auto& own = own_[aggregate];
  if (own == nullptr) {
    auto prepared = engine_.Prepare(spec_, version_->OwnWeights(aggregate));
    if (!prepared.ok()) return prepared.status();
    own = *std::move(prepared);
  }
  return own.get();
}

void PreparedVersion::ReleaseSource() const {
  if (version_ != nullptr) version_->ReleaseMemory();
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

const PreparedRule& PreparedModels::For(const std::string& rule, const model::ModelSpec& spec,
                                        const ServingVersions& versions) {
  PreparedRule& prepared = rules_[rule];
  const auto is = [&spec](const std::unique_ptr<PreparedVersion>& one,
                          const std::shared_ptr<const ModelVersion>& version) {
    return one != nullptr && one->version() == version.get() && one->spec() == spec;
  };
  if (!is(prepared.champion, versions.champion)) {
    prepared.champion = is(prepared.challenger, versions.champion)
                            ? std::move(prepared.challenger)
                            : std::make_unique<PreparedVersion>(engine_, spec, versions.champion);
  }
  if (versions.challenger == nullptr) {
    prepared.challenger.reset();
  } else if (!is(prepared.challenger, versions.challenger)) {
    prepared.challenger = std::make_unique<PreparedVersion>(engine_, spec, versions.challenger);
  }
  return prepared;
}

}  // namespace auspex
