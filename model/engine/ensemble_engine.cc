#include "model/engine/ensemble_engine.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/engine/forecast_check.h"
#include "model/spec/members.h"

namespace auspex::model {
namespace {

// Networks that one call of the inner engine forecasts: what bounds the memory for their answers.
constexpr size_t kNetworksPerCall = 1024;

}  // namespace

class EnsembleEngine::Model final : public PreparedModel {
 public:
  Model(const EnsembleEngine* engine, const ModelSpec& spec)
      : engine_(engine), spec_(NetworkSpec(spec)) {}

  const EnsembleEngine* engine() const { return engine_; }
  const ModelSpec& network_spec() const { return spec_; }

  std::vector<std::shared_ptr<const PreparedModel>> members;  // the inner engine's

 private:
  const EnsembleEngine* const engine_;  // only compared
  const ModelSpec spec_;
};

void EnsembleEngine::Expand(std::span<const ForecastItem> items,
                            std::vector<ForecastItem>* networks) {
  networks->clear();
  for (const ForecastItem& item : items) {
    for (const auto& network : static_cast<const Model*>(item.model)->members) {
      networks->push_back(item);
      networks->back().model = network.get();
    }
  }
}

EnsembleEngine::EnsembleEngine(std::unique_ptr<Engine> networks) : networks_(std::move(networks)) {}

absl::StatusOr<std::shared_ptr<const PreparedModel>> EnsembleEngine::Prepare(
    const ModelSpec& spec, const Weights& weights) {
  if (spec.members == 1) return networks_->Prepare(spec, weights);
  if (absl::Status status = spec.Validate(); !status.ok()) return status;
  // The inner engine reads and checks every value; what it cannot see is a rest.
  if (weights.values().size() % static_cast<size_t>(spec.members) != 0) {
    return absl::InvalidArgumentError(absl::StrCat("model weights: ", weights.values().size(),
                                                   " values for ", spec.members, " members"));
  }
  auto model = std::make_shared<Model>(this, spec);
  for (int member = 0; member < spec.members; ++member) {
    auto network = networks_->Prepare(MemberSpec(spec), MemberWeights(spec, weights, member));
    if (!network.ok()) return network.status();
    model->members.push_back(*std::move(network));
  }
  return model;
}

absl::Status EnsembleEngine::Forecast(const ModelSpec& spec, std::span<const ForecastItem> items,
                                      std::span<float> out) {
  if (spec.members == 1) return networks_->Forecast(spec, items, out);
  const auto spec_of_model = [this](const PreparedModel& model) {
    const auto* own = dynamic_cast<const Model*>(&model);
    return own == nullptr || own->engine() != this ? nullptr : &own->network_spec();
  };
  if (absl::Status status = CheckForecast(name(), spec_of_model, spec, items, out.size());
      !status.ok()) {
    return status;
  }
  const ModelSpec member_spec = MemberSpec(spec);
  const auto members = static_cast<size_t>(spec.members);
  const size_t values = ValuesPerItem(spec);
  const size_t items_per_call = std::min(items.size(), kNetworksPerCall / members);
  std::vector<ForecastItem> networks;
  networks.reserve(items_per_call * members);
  std::vector<float> answers(items_per_call * members * values);
  for (size_t begin = 0; begin < items.size(); begin += items_per_call) {
    const size_t count = std::min(items_per_call, items.size() - begin);
    Expand(items.subspan(begin, count), &networks);
    const std::span<float> part = std::span(answers).first(networks.size() * values);
    if (absl::Status status = networks_->Forecast(member_spec, networks, part); !status.ok()) {
      return status;
    }
    for (size_t i = 0; i < count; ++i) {
      MedianOfMembers(part.subspan(i * members * values, members * values),
                      out.subspan((begin + i) * values, values));
    }
  }
  return absl::OkStatus();
}

}  // namespace auspex::model
