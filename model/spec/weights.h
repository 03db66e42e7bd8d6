// The parameters of a model, as named row-major float tensors. FORMAT.md has the file format.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "model/spec/model_spec.h"

namespace auspex::model {

// Name and shape of one tensor. Names, shapes and order are LibTorch's, so that the parameters of
// an nn::LSTM (batch_first) registered as "encoder" and of nn::Linear layers map one to one:
//
//   encoder.weight_ih_l<n>  [4*hidden, inputs]   inputs: patch_inputs, then hidden
//   encoder.weight_hh_l<n>  [4*hidden, hidden]
//   encoder.bias_ih_l<n>    [4*hidden]           gates in the order i, f, g, o
//   encoder.bias_hh_l<n>    [4*hidden]
//   decoder.window.weight   [width, window_inputs]   columns: encoder's output, window features
//   decoder.window.bias     [width]
//   decoder.target.weight   [width, target_inputs]   columns: asinh(candidates), target features
//   decoder.target.bias     [width]
//   decoder.hidden.weight   [width, width]
//   decoder.hidden.bias     [width]
//   decoder.output.weight   [decoder_outputs, width]
//   decoder.output.bias     [decoder_outputs]
//   decoder.tau             [1]                  how much recent errors count in the blend
//
// A GRU (Cell::kGru) has three gates in place of four, in the order r, z, n, with LibTorch's two
// biases apart: n has its recurrent one inside the product with r.
//
// A transformer (Cell::kTransformer) has the parameters of PyTorch's nn.TransformerEncoder with
// norm_first and a last norm, registered as "encoder", behind an embedding of the patches:
//
//   encoder.embedding.weight  [hidden, patch_inputs]
//   encoder.embedding.bias    [hidden]
//   encoder.position          [patches, hidden]  added to the embedded patches, oldest first
//   encoder.layers.<n>.self_attn.in_proj_weight   [3*hidden, hidden]   queries, keys, values; of
//   encoder.layers.<n>.self_attn.in_proj_bias     [3*hidden]           each, one head after another
//   encoder.layers.<n>.self_attn.out_proj.weight  [hidden, hidden]
//   encoder.layers.<n>.self_attn.out_proj.bias    [hidden]
//   encoder.layers.<n>.linear1.weight             [feed_forward, hidden]
//   encoder.layers.<n>.linear1.bias               [feed_forward]
//   encoder.layers.<n>.linear2.weight             [hidden, feed_forward]
//   encoder.layers.<n>.linear2.bias               [hidden]
//   encoder.layers.<n>.norm1.weight, .bias        [hidden]   before the attention
//   encoder.layers.<n>.norm2.weight, .bias        [hidden]   before linear1
//   encoder.norm.weight, .bias                    [hidden]
//
// Without an encoder (Cell::kNone) there are no encoder tensors.
//
// With several members (members.h) all of this once for each, as member.<n>.<tensor>, n from 0.
struct TensorShape {
  std::string name;
  std::vector<int64_t> shape;
  int64_t elements() const;
};

// Added to the variance that a transformer's norms divide by, as LibTorch has it.
inline constexpr double kNormEpsilon = 1e-5;

// All tensors of a model of this spec, in the one order that Weights stores them.
std::vector<TensorShape> TensorShapes(const ModelSpec& spec);
// Sum of their elements.
int64_t ParameterCount(const ModelSpec& spec);

// A view of ParameterCount(spec) floats, tensors back to back in TensorShapes' order. Keeps
// whatever owns the bytes (a vector, a mapped file) alive. Immutable, thread-safe.
class Weights {
 public:
  Weights() = default;
  Weights(std::span<const float> values, std::shared_ptr<const void> owner)
      : values_(values), owner_(std::move(owner)) {}
  static Weights FromVector(std::vector<float> values);

  std::span<const float> values() const { return values_; }
  // `count` of the values from `begin` on: a view that keeps the same owner alive.
  Weights Part(size_t begin, size_t count) const {
    return Weights(values_.subspan(begin, count), owner_);
  }
  bool empty() const { return values_.empty(); }

 private:
  std::span<const float> values_;
  std::shared_ptr<const void> owner_;
};

// InvalidArgument when the spec is not valid, or when the number of weights is not the spec's or
// one of them is not finite (names the tensor).
absl::Status CheckWeights(const ModelSpec& spec, const Weights& weights);

// One tensor of `weights` by name. REQUIRES: the weights fit the spec and the spec has the tensor.
std::span<const float> TensorValues(const ModelSpec& spec, const Weights& weights,
                                    std::string_view name);

// The model before any training: the decoder's output is a blend of the candidates weighted by
// their recent errors (every logit is zero, tau is 1, the correction is off), with a 10..90 %
// interval of about half a scale to either side. The inner layers hold pseudo-random values as
// LibTorch would draw them, so that training can start from here: the same for a seed on every
// machine, different for another seed and in each member. What covariates and special days add
// starts without weight: an input that training never saw change, like the flag of a first holiday,
// then does nothing.
Weights UntrainedWeights(const ModelSpec& spec, uint64_t seed = 0);

}  // namespace auspex::model
