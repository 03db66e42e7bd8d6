// The parameters of one network, as named row-major float tensors. FORMAT.md has the file format.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "model/spec/model_spec.h"

namespace auspex::model {

// Name and shape of one tensor. Names follow LibTorch's: encoder.weight_ih_l0 is [4*hidden, in]
// with gates in the order i, f, g, o; decoder.window.weight is [width, hidden + kWindowFeatures].
struct TensorShape {
  std::string name;
  std::vector<int64_t> shape;
  int64_t elements() const;
};

// All tensors of a network of this spec, in the one order that Weights stores them.
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
  bool empty() const { return values_.empty(); }

 private:
  std::span<const float> values_;
  std::shared_ptr<const void> owner_;
};

// The network before any training: the decoder's output is a blend of the candidates weighted by
// their recent errors, with an interval of about half a scale. Deterministic.
Weights UntrainedWeights(const ModelSpec& spec);

}  // namespace auspex::model
