#include "model/engine/forecast_scratch.h"

#include <numeric>
#include <utility>

namespace auspex::model {
namespace {

bool SameWindow(const ForecastItem& a, const ForecastItem& b) {
  return a.context.data() == b.context.data() && a.origin_ms == b.origin_ms &&
         a.covariates.data() == b.covariates.data();
}

}  // namespace

ForecastScratch::ForecastScratch(const ModelSpec& model_spec, const NetworkKernel& network)
    : spec(model_spec),
      series(model_spec, {}, 0),
      builder(model_spec),
      k(static_cast<size_t>(model_spec.horizon_steps)),
      outputs(k.size() * network.OutputStride(model_spec)),
      quantiles(k.size() * model_spec.quantiles.size()),
      kernel(network.NewScratch(model_spec)) {
  std::iota(k.begin(), k.end(), 1);
  for (const int target : k) {
    long_share.push_back(
        LongLeadShare(static_cast<float>(target) / static_cast<float>(spec.horizon_steps)));
  }
}

bool ForecastScratch::Describe(const ForecastItem& item, const ForecastItem* before) {
  if (before != nullptr && SameWindow(item, *before)) return has_value;
  const int origin = spec.context_steps - 1;
  series.Assign(item.context, item.origin_ms - origin * spec.step_ms, item.covariates);
  has_value = builder.Window(series, origin, &window);
  if (has_value) builder.Targets(series, origin, window, k, &targets);
  return has_value;
}

std::unique_ptr<ForecastScratch> ScratchPool::Take(const ModelSpec& spec,
                                                   const NetworkKernel& kernel) {
  std::unique_ptr<ForecastScratch> scratch;
  {
    absl::MutexLock lock(&mutex_);
    if (!free_.empty()) {
      scratch = std::move(free_.back());
      free_.pop_back();
    }
  }
  // Memory of another spec (another rule) is given up here, so that the pool does not grow with
  // the number of rules.
  if (scratch == nullptr || scratch->spec != spec) {
    scratch = std::make_unique<ForecastScratch>(spec, kernel);
  }
  return scratch;
}

void ScratchPool::GiveBack(std::unique_ptr<ForecastScratch> scratch) {
  absl::MutexLock lock(&mutex_);
  free_.push_back(std::move(scratch));
}

}  // namespace auspex::model
