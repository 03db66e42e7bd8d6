// Weights of an LSTM layer in the order in which the kernel of lstm_forward.h reads them.
#pragma once

#include <cstddef>
#include <span>

#include "model/engine/lstm_weights.h"
#include "model/engine/packed_dense.h"

namespace auspex::model {

// Units that the kernel computes together: their four gates stay in registers from the first
// product to the new hidden state.
inline constexpr size_t kLstmTileUnits = kOutputPadding;
inline constexpr size_t kLstmTileGates = 4 * kLstmTileUnits;

// Tensors of one layer as LibTorch has them, gates in the order i, f, g, o.
struct LstmTensors {
  std::span<const float> weight_ih;  // [4 * hidden, inputs]
  std::span<const float> weight_hh;  // [4 * hidden, hidden]
  std::span<const float> bias_ih;    // [4 * hidden]
  std::span<const float> bias_hh;    // [4 * hidden]
};

// Units are padded with zeros to whole tiles; a row of gates is [tiles][4][kLstmTileUnits].
struct PackedLstmLayer {
  size_t inputs = 0;
  size_t hidden = 0;
  LstmWeights weights = LstmWeights::kFloat;
  const float* bias = nullptr;   // [tiles][4][units of a tile]: LibTorch's two biases, summed
  const float* input = nullptr;  // [tiles][inputs][4][units of a tile]
  // [tiles][recurrent_rows()][4][units of a tile], floats or words of two bfloat16.
  const float* recurrent = nullptr;

  size_t recurrent_rows() const {
    return weights == LstmWeights::kFloat ? hidden : (hidden + 1) / 2;
  }
  size_t tiles() const { return (hidden + kLstmTileUnits - 1) / kLstmTileUnits; }
  size_t units() const { return tiles() * kLstmTileUnits; }  // hidden, padded
};

// Floats of a packed layer.
size_t PackedLstmFloats(size_t inputs, size_t hidden, LstmWeights weights);

// Packs the tensors into `block`: PackedLstmFloats() floats, whose padding is zero already.
void PackLstmLayer(size_t inputs, size_t hidden, LstmWeights weights, const LstmTensors& tensors,
                   float* block);

// The layer that was packed into `block`, 64-byte aligned; borrows it.
PackedLstmLayer LstmLayerAt(size_t inputs, size_t hidden, LstmWeights weights, const float* block);

}  // namespace auspex::model
