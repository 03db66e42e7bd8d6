// The network of a spec in LibTorch, for its gradients: the trainer's own form of what model/engine
// computes. Several networks of one shape (members) are stacked and computed in the same calls,
// because one alone is too small to keep a processor busy.
// The only header here that knows LibTorch; only network.cc and fit.cc include it.
#pragma once

#include <torch/torch.h>

#include <map>
#include <span>
#include <string>
#include <vector>

#include "model/spec/model_spec.h"
#include "model/spec/weights.h"

namespace auspex::model {

// A batch of M members with B windows of K targets each, in units of z.
struct NetworkInput {
  torch::Tensor window;   // [M, B, kWindowFeatures]
  torch::Tensor patches;  // [M, B, patches, patch_inputs], oldest first
  torch::Tensor targets;  // [M, B, K, kTargetInputs]: asinh of the candidates, features
  // [M, B, hidden], multiplies the encoder's output; undefined = no dropout. Passed in, because
  // LibTorch's own dropout draws from one generator for the whole process.
  torch::Tensor dropout_mask;
};

// Parameters of M members as rows: [M, ParameterCount(spec)], in TensorShapes' order.
torch::Tensor StackParameters(const ModelSpec& spec, std::span<const Weights> members);
// One row of them.
Weights ExportMember(const torch::Tensor& parameters, int64_t member);

class Network {
 public:
  explicit Network(const ModelSpec& spec) : spec_(spec) {}

  // The decoder's outputs, [M, B, K, decoder_outputs()]. Differentiable in `parameters`.
  torch::Tensor Forward(const torch::Tensor& parameters, const NetworkInput& input) const;

 private:
  using Tensors = std::map<std::string, torch::Tensor>;  // [M, shape...] by name

  Tensors Split(const torch::Tensor& parameters) const;
  torch::Tensor Encode(const Tensors& tensors, const torch::Tensor& patches) const;

  const ModelSpec spec_;
};

}  // namespace auspex::model
