// The kernels: the blocks of encoder_block.h and decoder_block.h on a device.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

#include "model/engine/cuda/fleet_plan.h"

namespace auspex::model {

// Allows the kernels of the present device this much shared memory per block.
cudaError_t AllowSharedMemory(size_t bytes);

// Enqueues encoder and decoder of the pass. Its records must be in device memory by then.
cudaError_t LaunchFleet(const FleetPass& pass, cudaStream_t stream);

}  // namespace auspex::model
