// A dense layer for a tile of columns (steps or targets), by one block.
#pragma once

#include <cmath>

#include "model/engine/cuda/block.h"
#include "model/engine/cuda/network_layout.h"

namespace auspex::model {

// Columns of numbers: row i of column c is at data[i * stride + c].
struct Columns {
  const float* data;
  int stride;
};

// y[o][c] = bias[o] + sum over i of weights[i][o] * x[i][c], for all outputs, padding included, and
// `columns` columns; negative sums become 0 with kRelu. y is [outputs][columns]. Every sum runs
// over the inputs in their order, whatever the tile. A thread computes 8 outputs of 4 columns: 32
// multiply-adds for three reads of 16 bytes.
// REQUIRES: columns is a multiple of 4; all pointers and the stride are multiples of 16 bytes.
template <bool kRelu, class Block>
AUSPEX_DEVICE void DenseColumns(Block& block, const DenseLayout& dense, const float* weights,
                                const float* bias, const Columns& x, int columns, float* y) {
  constexpr int kOutputs = kOutputsPerThread;
  block.Each([&](int thread) {
    const int groups = columns / 4;
    const int tasks = dense.outputs / kOutputs * groups;
    for (int task = thread; task < tasks; task += block.threads()) {
      const int column = task % groups * 4;
      const int output = task / groups * kOutputs;
      float sums[kOutputs][4];
      AUSPEX_UNROLL
      for (int o = 0; o < kOutputs; ++o) {
        AUSPEX_UNROLL
        for (int c = 0; c < 4; ++c) sums[o][c] = bias[output + o];
      }
      const float* w = weights + output;
      const float* in = x.data + column;
      for (int i = 0; i < dense.inputs; ++i, w += dense.outputs, in += x.stride) {
        const Four values = LoadFour(in);
        const Four low = LoadFour(w);
        const Four high = LoadFour(w + 4);
        AUSPEX_UNROLL
        for (int o = 0; o < 4; ++o) {
          AUSPEX_UNROLL
          for (int c = 0; c < 4; ++c) {
            sums[o][c] = std::fma(low.v[o], values.v[c], sums[o][c]);
            sums[o + 4][c] = std::fma(high.v[o], values.v[c], sums[o + 4][c]);
          }
        }
      }
      AUSPEX_UNROLL
      for (int o = 0; o < kOutputs; ++o) {
        Four result;
        AUSPEX_UNROLL
        for (int c = 0; c < 4; ++c) {
          result.v[c] = kRelu && sums[o][c] < 0 ? 0.0F : sums[o][c];
        }
        StoreFour(result, y + (output + o) * columns + column);
      }
    }
  });
}

}  // namespace auspex::model
