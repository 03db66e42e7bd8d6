#include "model/engine/engine.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/engine/cuda/device.h"
#include "model/engine/cuda/device_check.h"
#include "model/engine/cuda/device_engine.h"
#include "model/engine/ensemble_engine.h"
#include "model/engine/host_engine.h"
#include "model/engine/network_kernel.h"

namespace auspex::model {

ParallelFor SerialFor() {
  return [](size_t n, const std::function<void(size_t)>& body) {
    for (size_t i = 0; i < n; ++i) body(i);
  };
}

namespace {

absl::StatusOr<std::unique_ptr<Engine>> CreateCudaEngine(ParallelFor parallel_for,
                                                         OnFallback on_fallback) {
  auto devices = FindCudaDevices();
  if (!devices.ok()) return devices.status();
  std::vector<std::shared_ptr<Device>> good;
  absl::Status why;
  for (const std::shared_ptr<Device>& device : *devices) {
    if (absl::Status status = CheckDevice(device); status.ok()) {
      good.push_back(device);
    } else {
      if (on_fallback) on_fallback({.device = device->name(), .items = 0, .why = status});
      why = std::move(status);
    }
  }
  if (good.empty()) return absl::UnavailableError(why.message());
  return std::make_unique<DeviceEngine>(good, std::move(parallel_for), std::move(on_fallback));
}

// A backend: it knows single networks.
absl::StatusOr<std::unique_ptr<Engine>> CreateBackend(std::string_view backend,
                                                      ParallelFor parallel_for,
                                                      const OnFallback& on_fallback,
                                                      const EngineOptions& options) {
  if (options.lstm_weights != LstmWeights::kFloat && backend != "cpu") {
    return absl::InvalidArgumentError(absl::StrCat(
        "only engine \"cpu\" has bfloat16 weights, not \"", std::string(backend), "\""));
  }
  if (backend == "cuda" || backend == "auto") {
    auto engine = CreateCudaEngine(parallel_for, on_fallback);
    if (engine.ok() || backend == "cuda") return engine;
    if (absl::IsUnavailable(engine.status()) && on_fallback) {
      on_fallback({.device = "none", .items = 0, .why = engine.status()});
    }
  }
  std::unique_ptr<NetworkKernel> kernel;
  if (backend == "scalar") {
    kernel = MakeScalarKernel();
  } else if (backend == "cpu" || backend == "auto") {
    kernel = MakeSimdKernel(options.lstm_weights);
  } else {
    return absl::InvalidArgumentError(absl::StrCat("unknown engine \"", std::string(backend),
                                                   "\", must be auto, cpu, cuda or scalar"));
  }
  return std::make_unique<HostEngine>(std::move(kernel), std::move(parallel_for));
}

}  // namespace

absl::StatusOr<LstmWeights> ParseLstmWeights(std::string_view name) {
  if (name == "float32") return LstmWeights::kFloat;
  if (name == "bfloat16") return LstmWeights::kBfloat16;
  return absl::InvalidArgumentError(
      absl::StrCat("unknown weights \"", std::string(name), "\", must be float32 or bfloat16"));
}

absl::StatusOr<std::unique_ptr<Engine>> CreateEngine(std::string_view backend,
                                                     ParallelFor parallel_for,
                                                     const OnFallback& on_fallback,
                                                     const EngineOptions& options) {
  auto networks = CreateBackend(backend, std::move(parallel_for), on_fallback, options);
  if (!networks.ok()) return networks.status();
  return std::make_unique<EnsembleEngine>(*std::move(networks));
}

}  // namespace auspex::model
