#include "model/engine/host_engine.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/engine/output_head.h"

namespace auspex::model {
namespace {

// Items that one thread forecasts before it looks for more: enough to make that cheap, few enough
// to keep all threads busy to the end.
constexpr size_t kItemsPerTask = 8;

// The spec without what only the features read: the UTC offset changes with daylight saving, the
// network does not.
ModelSpec NetworkSpec(ModelSpec spec) {
  spec.utc_offset_minutes = 0;
  return spec;
}

size_t ValuesPerItem(const ModelSpec& spec) {
  return static_cast<size_t>(spec.horizon_steps) * spec.quantiles.size();
}

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

absl::Status HostEngine::CheckItem(const ModelSpec& network, const ForecastItem& item) const {
  if (item.model == nullptr || !kernel_->Owns(*item.model)) {
    return absl::InvalidArgumentError(
        absl::StrCat("has no model that the ", std::string(name()), " engine prepared"));
  }
  if (static_cast<const HostModel&>(*item.model).network_spec() != network) {
    return absl::InvalidArgumentError("has a model of another spec");
  }
  if (item.context.size() != static_cast<size_t>(network.context_steps)) {
    return absl::InvalidArgumentError(absl::StrCat("has a context of ", item.context.size(),
                                                   " steps, must be ", network.context_steps));
  }
  return absl::OkStatus();
}

absl::Status HostEngine::Forecast(const ModelSpec& spec, std::span<const ForecastItem> items,
                                  std::span<float> out) {
  if (absl::Status status = spec.Validate(); !status.ok()) return status;
  const size_t values = ValuesPerItem(spec);
  if (out.size() != items.size() * values) {
    return absl::InvalidArgumentError(absl::StrCat("forecast: output of ", out.size(),
                                                   " values, must be ", items.size() * values));
  }
  const ModelSpec network = NetworkSpec(spec);
  for (size_t i = 0; i < items.size(); ++i) {
    if (absl::Status status = CheckItem(network, items[i]); !status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("forecast: item ", i, " ", std::string(status.message())));
    }
  }
  const size_t tasks = (items.size() + kItemsPerTask - 1) / kItemsPerTask;
  parallel_for_(tasks, [&](size_t task) {
    std::unique_ptr<ForecastScratch> scratch = scratches_.Take(spec, *kernel_);
    const size_t end = std::min(items.size(), (task + 1) * kItemsPerTask);
    for (size_t i = task * kItemsPerTask; i < end; ++i) {
      ForecastOne(items[i], scratch.get(), out.subspan(i * values, values));
    }
    scratches_.GiveBack(std::move(scratch));
  });
  return absl::OkStatus();
}

void HostEngine::ForecastOne(const ForecastItem& item, ForecastScratch* scratch,
                             std::span<float> out) const {
  const ModelSpec& spec = scratch->spec;
  const auto& model = static_cast<const HostModel&>(*item.model);
  const int origin = spec.context_steps - 1;
  scratch->series.Assign(item.context, item.origin_ms - origin * spec.step_ms);
  if (!scratch->builder.Window(scratch->series, origin, &scratch->window)) {
    std::fill(out.begin(), out.end(), std::numeric_limits<float>::quiet_NaN());
    return;
  }
  scratch->builder.Targets(scratch->series, origin, scratch->window, scratch->k, &scratch->targets);
  kernel_->Run(model, scratch->window, scratch->targets, scratch->kernel.get(), scratch->outputs);

  const OutputHead head(spec, model.tau());
  const size_t stride = kernel_->OutputStride(spec);
  const size_t levels = spec.quantiles.size();
  for (size_t t = 0; t < scratch->k.size(); ++t) {
    const TargetInputs target = TargetInputsAt(scratch->window, scratch->targets, t);
    const auto outputs = std::span<const float>(scratch->outputs)
                             .subspan(t * stride, static_cast<size_t>(spec.decoder_outputs()));
    head.Quantiles(target, outputs, scratch->quantiles);
    head.Publish(scratch->window, item.blend, target.candidates, scratch->quantiles,
                 out.subspan(t * levels, levels));
  }
}

}  // namespace auspex::model
