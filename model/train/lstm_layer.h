// An LSTM layer of several networks with its backward pass written out. Knows LibTorch, so only
// network.cc includes it.
#pragma once

#include <torch/torch.h>

namespace auspex::model {

// Gate order i, f, g, o; starts from zero. Of M members: `x` [M, inputs, T, B], a plane each
// (planes.h) of T steps with B windows; `weight_ih` [M, 4 * hidden, inputs], `weight_hh`
// [M, 4 * hidden, hidden], `bias` [M, 4 * hidden], the sum of LibTorch's two. The result is the
// hidden states, [M, hidden, T, B]. Differentiable once in all of them.
torch::Tensor LstmLayer(const torch::Tensor& x, const torch::Tensor& weight_ih,
                        const torch::Tensor& weight_hh, const torch::Tensor& bias);

}  // namespace auspex::model
