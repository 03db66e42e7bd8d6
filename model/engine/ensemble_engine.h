// Forecasts of models with several members (model/spec/members.h), by an engine of single networks.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "model/engine/engine.h"

namespace auspex::model {

// An item becomes one of the inner engine's for each member, next to each other, so that it can
// compute the features of their common window once.
class EnsembleEngine final : public Engine {
 public:
  explicit EnsembleEngine(std::unique_ptr<Engine> networks);

  std::string_view name() const override { return networks_->name(); }
  absl::StatusOr<std::shared_ptr<const PreparedModel>> Prepare(const ModelSpec& spec,
                                                               const Weights& weights) override;
  absl::Status Forecast(const ModelSpec& spec, std::span<const ForecastItem> items,
                        std::span<float> out) override;

 private:
  class Model;

  // The members' items. REQUIRES: the items' models are Models.
  static void Expand(std::span<const ForecastItem> items, std::vector<ForecastItem>* networks);

  const std::unique_ptr<Engine> networks_;
};

}  // namespace auspex::model
