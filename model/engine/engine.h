// Forecasts a fleet: thousands of small networks, each with its own weights and context, in one
// call. Backends behind one interface, chosen at run time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/engine/lstm_weights.h"
#include "model/spec/blend.h"
#include "model/spec/model_spec.h"
#include "model/spec/weights.h"

namespace auspex::model {

// Runs body(i) for i in [0, n), possibly in parallel; returns when all are done. Given by the
// caller, because the model owns no threads.
using ParallelFor = std::function<void(size_t n, const std::function<void(size_t)>& body)>;
ParallelFor SerialFor();

// Weights in the form a backend computes with (packed rows, device memory). Immutable; shared by
// any number of aggregates and forecasts; freed with the last reference.
class PreparedModel {
 public:
  virtual ~PreparedModel() = default;
};

// One aggregate to forecast.
struct ForecastItem {
  const PreparedModel* model = nullptr;  // from the same engine; borrowed
  // spec.context_steps values, oldest first, NaN = missing; the last is at the origin. Borrowed.
  std::span<const float> context;
  int64_t origin_ms = 0;  // target k is at origin_ms + k * spec.step_ms
  Blend blend;
  // [spec.covariates][context_steps], of the same steps; one that is all NaN is absent. Borrowed.
  std::span<const float> covariates = {};
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::string_view name() const = 0;

  // InvalidArgument when `weights` does not fit `spec`. Thread-safe.
  virtual absl::StatusOr<std::shared_ptr<const PreparedModel>> Prepare(const ModelSpec& spec,
                                                                       const Weights& weights) = 0;

  // Forecasts every item: features, encoder, decoder, blend, snap, and quantiles that do not cross,
  // in the units of the context; never below zero where the context never is. Of several members
  // it is the median of what each forecasts so. `out` is [items][horizon_steps][quantiles]. An item
  // without any value in its context gets NaN.
  // All items share `spec`, and their models were prepared for it or for one with an equal
  // NetworkSpec; InvalidArgument, naming the first item that does not fit, otherwise. Results
  // do not depend on the order or number of items. Thread-safe.
  virtual absl::Status Forecast(const ModelSpec& spec, std::span<const ForecastItem> items,
                                std::span<float> out) = 0;
};

// A device could not answer, and the cpu did.
struct EngineFallback {
  std::string_view device;  // its name; "none" for models that no device has room for
  size_t items = 0;         // networks of one call; 0 when a device is left out from the start
  absl::Status why;
};
// Called from within CreateEngine and Forecast.
using OnFallback = std::function<void(const EngineFallback&)>;

// How a backend holds weights.
struct EngineOptions {
  // Of lstm cells, the recurrent weights. Other than floats only with "cpu", which then answers
  // within 2e-4 of a window's scale, for trained weights.
  LstmWeights lstm_weights = LstmWeights::kFloat;
};

// "float32" or "bfloat16"; InvalidArgument for another name.
absl::StatusOr<LstmWeights> ParseLstmWeights(std::string_view name);

// Backends: "scalar" (the reference, kept for ever), "cpu" (SIMD, run-time dispatch), "cuda" (the
// devices of this machine that pass device_check.h; what they cannot do, the cpu answers), "auto"
// (cuda where there is such a device, else cpu). InvalidArgument for another name, or for options
// that the backend does not have; for "cuda" also FailedPrecondition when this build has none,
// NotFound when there is no device or no driver, Unavailable when no device can be used.
absl::StatusOr<std::unique_ptr<Engine>> CreateEngine(std::string_view backend,
                                                     ParallelFor parallel_for,
                                                     const OnFallback& on_fallback = nullptr,
                                                     const EngineOptions& options = {});

}  // namespace auspex::model
