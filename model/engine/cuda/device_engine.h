// An engine on one or more devices: features on the host, network and output head on the devices.
// Whatever a device cannot do, the cpu backend answers in the same call.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "model/engine/cuda/device_lane.h"
#include "model/engine/engine.h"
#include "model/engine/forecast_scratch.h"
#include "model/engine/host_engine.h"

namespace auspex::model {

// The fleet is sharded: Prepare() puts a model on the device whose models use the least memory, and
// its items follow it. Calls of Forecast() take turns.
class DeviceEngine final : public Engine {
 public:
  // REQUIRES: at least one device.
  DeviceEngine(const std::vector<std::shared_ptr<Device>>& devices, ParallelFor parallel_for,
               OnFallback on_fallback);
  ~DeviceEngine() override;

  std::string_view name() const override { return "cuda"; }
  // The model keeps the weights' owner too, for the day when the cpu must answer.
  absl::StatusOr<std::shared_ptr<const PreparedModel>> Prepare(const ModelSpec& spec,
                                                               const Weights& weights) override;
  absl::Status Forecast(const ModelSpec& spec, std::span<const ForecastItem> items,
                        std::span<float> out) override;

 private:
  class Model;
  class Call;
  struct Lane;

  // Puts the model on a device; why not, when none has room.
  absl::Status Place(const ModelSpec& spec, const Weights& weights, Model& model);
  absl::Status AnswerOnHost(Call& call);
  void Report(const std::string& device, size_t items, const absl::Status& why) const;

  const ParallelFor parallel_for_;
  const OnFallback on_fallback_;
  const std::unique_ptr<NetworkKernel> kernel_;  // what scratches are made for
  HostEngine host_;
  ScratchPool scratches_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  absl::Mutex mutex_;  // of the lanes' passes
};

}  // namespace auspex::model
