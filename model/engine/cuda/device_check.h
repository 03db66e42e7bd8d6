// Whether a device computes what the cpu does. Asked before a device is used: drivers, kernels and
// hardware are not ours, and a wrong forecast is worse than a slow one.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "model/engine/cuda/device.h"

namespace auspex::model {

// Forecasts a few small networks of every cell on the device and on the cpu. The device's error;
// Internal, with both values, where they differ by more than 1e-5 of the context's values.
absl::Status CheckDevice(const std::shared_ptr<Device>& device);

}  // namespace auspex::model
