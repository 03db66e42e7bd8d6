// Memory of the forecasts in flight, reused from call to call.
#pragma once

#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "model/engine/engine.h"
#include "model/engine/network_kernel.h"
#include "model/features/features.h"
#include "model/spec/model_spec.h"

namespace auspex::model {

// What one thread needs to forecast items of one spec, one after the other.
struct ForecastScratch {
  ForecastScratch(const ModelSpec& spec, const NetworkKernel& kernel);

  // Fills `window` and `targets` with the item's features; false when its context has no value.
  // `before` is the item that was described last, null for none: the same window, which members of
  // an ensemble share, is described already.
  bool Describe(const ForecastItem& item, const ForecastItem* before);

  ModelSpec spec;
  SeriesIndex series;
  FeatureBuilder builder;
  std::vector<int> k;             // every target, 1..horizon_steps
  std::vector<float> long_share;  // LongLeadShare of each
  WindowFeatures window;
  TargetFeatures targets;
  bool has_value = false;         // in the context that was described last
  std::vector<float> outputs;     // of the kernel, for every target
  std::vector<double> quantiles;  // [targets][levels]
  std::unique_ptr<KernelScratch> kernel;
};

// Holds as many scratches as threads have ever been inside Forecast at once. Thread-safe.
class ScratchPool {
 public:
  // A scratch for this spec: one that is free, or a new one.
  std::unique_ptr<ForecastScratch> Take(const ModelSpec& spec, const NetworkKernel& kernel);
  void GiveBack(std::unique_ptr<ForecastScratch> scratch);

 private:
  absl::Mutex mutex_;
  std::vector<std::unique_ptr<ForecastScratch>> free_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace auspex::model
