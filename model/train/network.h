// The network of a spec in LibTorch, for its gradients: the trainer's own form of what model/engine
// computes. Several networks of one shape (members) are stacked and computed in the same calls,
// because one alone is too small to keep a processor busy.
// Knows LibTorch, so only what computes with tensors includes it: fit.cc and the files beside it.
#pragma once

#include <torch/torch.h>

#include <map>
#include <span>
#include <string>
#include <vector>

#include "model/spec/model_spec.h"
#include "model/spec/weights.h"
#include "model/train/head_loss.h"

namespace auspex::model {

// A batch of M members with B windows of K targets each, in units of z.
struct NetworkInput {
  torch::Tensor window;   // [M, B, window_features]
  torch::Tensor patches;  // [M, B, patches, patch_inputs], oldest first
  torch::Tensor targets;  // [M, B, K, target_inputs]: asinh of the candidates, features
  // [M, B, hidden], multiplies the encoder's output; undefined = no dropout. Passed in, because
  // LibTorch's own dropout draws from one generator for the whole process.
  torch::Tensor dropout_mask;
};

struct Batch;  // batch_sampler.h

// Parameters of M members as rows: [M, ParameterCount(spec)], in TensorShapes' order.
torch::Tensor StackParameters(const ModelSpec& spec, std::span<const Weights> members);
// One row of them.
Weights ExportMember(const torch::Tensor& parameters, int64_t member);

class Network {
 public:
  explicit Network(const ModelSpec& spec) : spec_(spec), head_(spec) {}

  // The members' losses over the batch, [M]. Differentiable once in `parameters`, by gradients
  // written out for most of it. The batch must live until the backward pass is over.
  torch::Tensor Loss(const torch::Tensor& parameters, const Batch& batch) const;
  // The decoder's outputs, [M, B, K, decoder_outputs()]. Differentiable as well, by autograd: much
  // slower, and what the gradients of Loss are checked against.
  torch::Tensor Forward(const torch::Tensor& parameters, const NetworkInput& input) const;

 private:
  using Tensors = std::map<std::string, torch::Tensor>;  // [M, shape...] by name

  Tensors Split(const torch::Tensor& parameters) const;
  torch::Tensor Encode(const Tensors& tensors, const torch::Tensor& patches) const;
  torch::Tensor OfWindow(const Tensors& tensors, const NetworkInput& input) const;

  const ModelSpec spec_;
  const HeadLoss head_;
};

}  // namespace auspex::model
