#include "model/engine/engine.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/engine/host_engine.h"
#include "model/engine/network_kernel.h"

namespace auspex::model {

ParallelFor SerialFor() {
  return [](size_t n, const std::function<void(size_t)>& body) {
    for (size_t i = 0; i < n; ++i) body(i);
  };
}

absl::StatusOr<std::unique_ptr<Engine>> CreateEngine(std::string_view backend,
                                                     ParallelFor parallel_for) {
  std::unique_ptr<NetworkKernel> kernel;
  if (backend == "scalar") {
    kernel = MakeScalarKernel();
  } else if (backend == "cpu" || backend == "auto") {
    kernel = MakeSimdKernel();
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown engine \"", std::string(backend), "\", must be auto, cpu or scalar"));
  }
  return std::make_unique<HostEngine>(std::move(kernel), std::move(parallel_for));
}

}  // namespace auspex::model
