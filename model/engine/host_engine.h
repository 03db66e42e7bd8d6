// An engine on the host: features, a kernel's network, the output head.
#pragma once

#include <memory>

#include "model/engine/engine.h"
#include "model/engine/forecast_scratch.h"
#include "model/engine/network_kernel.h"

namespace auspex::model {

class HostEngine final : public Engine {
 public:
  HostEngine(std::unique_ptr<NetworkKernel> kernel, ParallelFor parallel_for);

  std::string_view name() const override { return kernel_->name(); }
  absl::StatusOr<std::shared_ptr<const PreparedModel>> Prepare(const ModelSpec& spec,
                                                               const Weights& weights) override;
  absl::Status Forecast(const ModelSpec& spec, std::span<const ForecastItem> items,
                        std::span<float> out) override;

 private:
  // `out` is [horizon_steps][quantiles]; `before` as ForecastScratch::Describe has it.
  void ForecastOne(const ForecastItem& item, const ForecastItem* before, ForecastScratch* scratch,
                   std::span<float> out) const;

  const std::unique_ptr<NetworkKernel> kernel_;
  const ParallelFor parallel_for_;
  ScratchPool scratches_;
};

}  // namespace auspex::model
