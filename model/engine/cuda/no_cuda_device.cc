// What a build without a CUDA toolkit has in place of cuda_device.cc.
#include "model/engine/cuda/device.h"

namespace auspex::model {

absl::StatusOr<std::vector<std::shared_ptr<Device>>> FindCudaDevices() {
  return absl::FailedPreconditionError("cuda: this build has no CUDA");
}

}  // namespace auspex::model
