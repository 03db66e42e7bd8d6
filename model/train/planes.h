// Products over planes, in vectors of whatever instruction set the machine has. A plane holds
// activations with a row per feature and a column per example, so that one vector is one feature of
// neighbouring examples: every weight is then loaded once for a tile of examples, and what comes
// between two layers is a loop over vectors without a remainder per example. The matrices of these
// networks are a few dozen wide; a general BLAS spends most of its time on packing them.
//
// All functions are thread-safe; planes may overlap only where that is said. Sums are those of
// single precision in an order of their own, the same for every call.
#pragma once

#include <cstddef>

namespace auspex::model {

// [features][examples], borrowed; `stride` floats from one feature to the next.
struct ConstPlane {
  const float* data = nullptr;
  size_t stride = 0;

  const float* Row(size_t feature) const { return data + feature * stride; }
  ConstPlane From(size_t example) const { return {data + example, stride}; }
};

struct Plane {
  float* data = nullptr;
  size_t stride = 0;

  float* Row(size_t feature) const { return data + feature * stride; }
  Plane From(size_t example) const { return {data + example, stride}; }
  operator ConstPlane() const { return {data, stride}; }  // NOLINT(google-explicit-constructor)
};

// A dense layer: the weight of input i in output o is weights[o * output_stride + i *
// input_stride].
struct DenseLayer {
  const float* weights = nullptr;
  size_t outputs = 0;
  size_t inputs = 0;
  size_t output_stride = 0;
  size_t input_stride = 1;
  const float* bias = nullptr;  // [outputs]; null = none

  // Row-major weights, [outputs][inputs].
  static DenseLayer Of(const float* weights, size_t outputs, size_t inputs,
                       const float* bias = nullptr) {
    return {weights, outputs, inputs, inputs, 1, bias};
  }
  // From slopes by its outputs to those by its inputs.
  DenseLayer Transposed() const {
    return {weights, inputs, outputs, input_stride, output_stride, nullptr};
  }
};

enum class Finish { kNone, kRelu };

// y = finish(layer(x)), of `examples` columns.
void Multiply(const DenseLayer& layer, ConstPlane x, size_t examples, Plane y,
              Finish finish = Finish::kNone);
// y += layer(x).
void MultiplyAdd(const DenseLayer& layer, ConstPlane x, size_t examples, Plane y);

// The slope by a layer's weights: gradient[o][i] += sum over examples of slope[o] * x[i].
void AddOuterProducts(ConstPlane slope, size_t outputs, ConstPlane x, size_t inputs,
                      size_t examples, float* gradient);
// The slope by its bias: gradient[o] += sum over examples of slope[o].
void AddSums(ConstPlane slope, size_t outputs, size_t examples, float* gradient);

// Backwards through a relu: slopes are zeroed where its output is.
void CloseRelu(ConstPlane output, size_t features, size_t examples, Plane slope);

// plane[j][example] = rows[example][j].
void ToPlane(const float* rows, size_t examples, size_t features, Plane plane);

}  // namespace auspex::model
