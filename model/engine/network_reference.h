// The network in its clearest form: plain loops, double precision. Every faster form (SIMD, CUDA,
// LibTorch in the trainer) is compared with this one. docs/model.md has the formulas.
#pragma once

#include <vector>

#include "model/features/features.h"
#include "model/spec/model_spec.h"
#include "model/spec/weights.h"

namespace auspex::model {

// Encoder and decoder: [targets][decoder_outputs]. REQUIRES: weights and features fit the spec.
std::vector<double> DecoderOutputs(const ModelSpec& spec, const Weights& weights,
                                   const WindowFeatures& window, const TargetFeatures& targets);

// The quantiles that the network gives, in units of z, before blend and snap:
// [targets][quantiles]. REQUIRES: as above.
std::vector<double> NetworkOutputs(const ModelSpec& spec, const Weights& weights,
                                   const WindowFeatures& window, const TargetFeatures& targets);

}  // namespace auspex::model
