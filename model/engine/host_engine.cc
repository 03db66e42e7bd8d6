#include "model/engine/host_engine.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "model/engine/forecast_check.h"
#include "model/engine/output_head.h"

namespace auspex::model {
namespace {

// Items that one thread forecasts before it looks for more: enough to make that cheap, few enough
// to keep all threads busy to the end. Threes stay together: members of one ensemble.
constexpr size_t kItemsPerTask = 12;

}  // namespace

HostModel::HostModel(const ModelSpec& spec, const Weights& weights)
    : spec_(NetworkSpec(spec)), tau_(TensorValues(spec, weights, "decoder.tau")[0]) {}

HostEngine::HostEngine(std::unique_ptr<NetworkKernel> kernel, ParallelFor parallel_for)
    : kernel_(std::move(kernel)), parallel_for_(std::move(parallel_for)) {}

absl::StatusOr<std::shared_ptr<const PreparedModel>> HostEngine::Prepare(const ModelSpec& spec,
                                                                         const Weights& weights) {
  if (absl::Status status = CheckWeights(spec, weights); !status.ok()) return status;
  return kernel_->Prepare(spec, weights);
}

absl::Status HostEngine::Forecast(const ModelSpec& spec, std::span<const ForecastItem> items,
                                  std::span<float> out) {
  const auto spec_of_model = [this](const PreparedModel& model) {
    return kernel_->Owns(model) ? &static_cast<const HostModel&>(model).network_spec() : nullptr;
  };
  if (absl::Status status = CheckForecast(name(), spec_of_model, spec, items, out.size());
      !status.ok()) {
    return status;
  }
  const size_t values = ValuesPerItem(spec);
  const size_t tasks = (items.size() + kItemsPerTask - 1) / kItemsPerTask;
  parallel_for_(tasks, [&](size_t task) {
    std::unique_ptr<ForecastScratch> scratch = scratches_.Take(spec, *kernel_);
    const size_t end = std::min(items.size(), (task + 1) * kItemsPerTask);
    const ForecastItem* before = nullptr;
    for (size_t i = task * kItemsPerTask; i < end; ++i) {
      ForecastOne(items[i], before, scratch.get(), out.subspan(i * values, values));
      before = &items[i];
    }
    scratches_.GiveBack(std::move(scratch));
  });
  return absl::OkStatus();
}

void HostEngine::ForecastOne(const ForecastItem& item, const ForecastItem* before,
                             ForecastScratch* scratch, std::span<float> out) const {
  const ModelSpec& spec = scratch->spec;
  const auto& model = static_cast<const HostModel&>(*item.model);
  if (!scratch->Describe(item, before)) {
    std::fill(out.begin(), out.end(), std::numeric_limits<float>::quiet_NaN());
    return;
  }
  kernel_->Run(model, scratch->window, scratch->targets, scratch->kernel.get(), scratch->outputs);

  kernel_->Quantiles(model,
                     {scratch->window, scratch->targets, scratch->long_share, scratch->outputs},
                     scratch->quantiles);

  const OutputHead head(spec, model.tau());
  const size_t levels = spec.quantiles.size();
  for (size_t t = 0; t < scratch->k.size(); ++t) {
    const auto candidates =
        std::span<const float>(scratch->targets.candidates).subspan(t * kCandidates, kCandidates);
    head.Publish(scratch->window, item.blend, candidates,
                 std::span<const double>(scratch->quantiles).subspan(t * levels, levels),
                 out.subspan(t * levels, levels));
  }
}

}  // namespace auspex::model
