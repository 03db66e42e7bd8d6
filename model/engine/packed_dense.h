// A dense layer in the form that the kernels read.
#pragma once

#include <cstddef>

namespace auspex::model {

// Outputs of every layer are padded to a multiple of this, the widest vector's floats, so that a
// kernel never has a remainder. Padding is zero.
inline constexpr size_t kOutputPadding = 16;
constexpr size_t PaddedOutputs(size_t outputs) {
  return (outputs + kOutputPadding - 1) / kOutputPadding * kOutputPadding;
}

// y = bias + x * weights. Column-major, so that one input meets all outputs in consecutive memory:
// weights is [inputs][outputs], bias is [outputs]; outputs is padded.
struct PackedDense {
  size_t inputs = 0;
  size_t outputs = 0;
  const float* weights = nullptr;
  const float* bias = nullptr;  // null: none
};

// Rows of activations: row r begins at data + r * stride. A stride of 0 repeats one row.
struct ConstRows {
  const float* data;
  size_t stride;
};
struct Rows {
  float* data;
  size_t stride;
};

}  // namespace auspex::model
