// The output head of all targets of a window in vectors: what output_head.h does for one target in
// double precision. Differs from it by rounding only.
#pragma once

#include <span>

#include "model/engine/network_kernel.h"

namespace auspex::model {

// Quantiles in units of z, [targets][levels], ascending. `stride` floats lie between the outputs of
// one target and the next.
void SimdHead(const HostModel& model, const HeadInputs& inputs, size_t stride,
              std::span<double> quantiles);

}  // namespace auspex::model
