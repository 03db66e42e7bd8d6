// The network of a spec as a LibTorch module: the trainer's own form of what model/engine computes.
// The only header here that knows LibTorch; only network.cc and fit.cc include it.
#pragma once

#include <torch/torch.h>

#include "model/spec/model_spec.h"
#include "model/spec/weights.h"

namespace auspex::model {

// A batch of B windows with K targets each, in units of z.
struct NetworkInput {
  torch::Tensor window;      // [B, kWindowFeatures]
  torch::Tensor patches;     // [B, patches, patch_inputs], oldest first
  torch::Tensor candidates;  // [B, K, kCandidates]
  torch::Tensor features;    // [B, K, kTargetFeatures]
  // [B, hidden], multiplies the encoder's output; undefined = no dropout. Passed in, because
  // LibTorch's own dropout draws from one generator for the whole process.
  torch::Tensor dropout_mask;
};

class Network : public torch::nn::Module {
 public:
  explicit Network(const ModelSpec& spec);

  // Quantiles [B, K, levels], ascending levels.
  torch::Tensor Forward(const NetworkInput& input);

  // Copies the parameters in and out, in TensorShapes' order. REQUIRES: weights fit the spec.
  void Import(const Weights& weights);
  Weights Export() const;

 private:
  torch::Tensor Encode(const NetworkInput& input);
  torch::Tensor Quantiles(const torch::Tensor& median, const torch::Tensor& spreads) const;

  const ModelSpec spec_;
  torch::nn::LSTM lstm_ = nullptr;  // the encoder is the one that the cell names, if any
  torch::nn::GRU gru_ = nullptr;
  torch::nn::Linear window_ = nullptr;
  torch::nn::Linear target_ = nullptr;
  torch::nn::Linear hidden_ = nullptr;
  torch::nn::Linear output_ = nullptr;
  torch::Tensor tau_;
};

}  // namespace auspex::model
