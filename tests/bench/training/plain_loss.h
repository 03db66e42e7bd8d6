// The product's loss as ordinary tensor operations, for autograd to differentiate.
#pragma once

#include <torch/torch.h>

#include <vector>

#include "model/train/batch_sampler.h"

namespace auspex {

// The mean losses of the members, [M], for the decoder's outputs [M, B, K, outputs] and their tau
// [M].
torch::Tensor PlainLoss(const std::vector<double>& levels, const model::Batch& batch,
                        const torch::Tensor& outputs, const torch::Tensor& tau);

}  // namespace auspex
