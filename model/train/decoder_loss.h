// The decoder and its loss with the gradient written out, for several networks at once. Autograd
// would keep every activation of the whole batch until its backward pass, in memory far from the
// processor; here a block of windows goes forward to the loss and back again while it lies in the
// cache. Knows LibTorch, so only network.cc, fit.cc and their like include it.
#pragma once

#include <torch/torch.h>

#include "model/train/batch_sampler.h"
#include "model/train/head_loss.h"

namespace auspex::model {

// The decoder's layers of M members, as rows of one stack each.
struct DecoderTensors {
  torch::Tensor of_window;      // [M, B, width]: what all targets of a window share, with biases
  torch::Tensor target_weight;  // [M, width, target_inputs]
  torch::Tensor hidden_weight;  // [M, width, width]
  torch::Tensor hidden_bias;    // [M, width]
  torch::Tensor output_weight;  // [M, outputs, width]
  torch::Tensor output_bias;    // [M, outputs]
  torch::Tensor tau;            // [M, 1]
};

// The members' losses, [M]: HeadLoss of relu(hidden(relu(of_window + target_weight * targets))),
// a mean over the batch's targets that are there, by the weights of their windows. Differentiable
// once in the tensors.
torch::Tensor DecoderLoss(const DecoderTensors& tensors, const Batch& batch, const HeadLoss& head);

}  // namespace auspex::model
