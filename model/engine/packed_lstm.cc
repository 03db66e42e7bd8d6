#include "model/engine/packed_lstm.h"

#include <bit>
#include <cmath>
#include <cstdint>

namespace auspex::model {
namespace {

// Where unit `unit` of gate `gate` is inside a row of all gates, if every tile's rows are
// `tile_floats` apart.
size_t Column(size_t unit, size_t gate, size_t tile_floats) {
  return unit / kLstmTileUnits * tile_floats + gate * kLstmTileUnits + unit % kLstmTileUnits;
}

// From LibTorch's [4 * hidden, columns] to [tiles][columns][4][units of a tile].
void PackProduct(std::span<const float> weight, size_t hidden, size_t columns, float* packed) {
  for (size_t gate = 0; gate < 4; ++gate) {
    for (size_t unit = 0; unit < hidden; ++unit) {
      const float* const row = weight.data() + (gate * hidden + unit) * columns;
      float* const out = packed + Column(unit, gate, columns * kLstmTileGates);
      for (size_t i = 0; i < columns; ++i) out[i * kLstmTileGates] = row[i];
    }
  }
}

// The word whose float is nearest to `value` among those with these lower bits. `value` is finite.
// Floats of one sign are in the order of their bits, and neighbours differ by what a float holds
// exactly. There is no branch: weights are packed at every forecast.
uint32_t NearestWithLowerBits(float value, uint32_t lower) {
  constexpr uint32_t kSign = 0x80000000U;
  constexpr uint32_t kUpper = 0x10000U;  // the lowest of the upper bits
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t magnitude = bits & ~kSign;
  const uint32_t near = (magnitude & ~(kUpper - 1)) | lower;
  // Beyond either end of the floats it is infinite or a NaN, which is never nearer.
  const uint32_t other = near > magnitude ? near - kUpper : near + kUpper;
  const auto error = [magnitude](uint32_t word) {
    return std::abs(std::bit_cast<float>(word) - std::bit_cast<float>(magnitude));
  };
  return (bits & kSign) | (error(other) < error(near) ? other : near);
}

// The bfloat16 nearest to `value`.
uint32_t RoundToBfloat16(float value) { return NearestWithLowerBits(value, 0) >> 16; }

// From LibTorch's [4 * hidden, hidden] to words of two bfloat16.
void PackPairs(std::span<const float> weight, size_t hidden, size_t rows, float* packed) {
  for (size_t gate = 0; gate < 4; ++gate) {
    for (size_t unit = 0; unit < hidden; ++unit) {
      const float* const row = weight.data() + (gate * hidden + unit) * hidden;
      float* const out = packed + Column(unit, gate, rows * kLstmTileGates);
      for (size_t i = 0; i < rows; ++i) {
        const float second = 2 * i + 1 < hidden ? row[2 * i + 1] : 0.0F;
        const uint32_t word = NearestWithLowerBits(row[2 * i], RoundToBfloat16(second));
        out[i * kLstmTileGates] = std::bit_cast<float>(word);
      }
    }
  }
}

}  // namespace

size_t PackedLstmFloats(size_t inputs, size_t hidden, LstmWeights weights) {
  const PackedLstmLayer layer{.inputs = inputs, .hidden = hidden, .weights = weights};
  return layer.tiles() * kLstmTileGates * (1 + inputs + layer.recurrent_rows());
}

void PackLstmLayer(size_t inputs, size_t hidden, LstmWeights weights, const LstmTensors& tensors,
                   float* block) {
  const PackedLstmLayer layer = LstmLayerAt(inputs, hidden, weights, block);
  for (size_t gate = 0; gate < 4; ++gate) {
    for (size_t unit = 0; unit < hidden; ++unit) {
      const size_t row = gate * hidden + unit;
      block[Column(unit, gate, kLstmTileGates)] = tensors.bias_ih[row] + tensors.bias_hh[row];
    }
  }
  PackProduct(tensors.weight_ih, hidden, inputs, block + (layer.input - layer.bias));
  float* const recurrent = block + (layer.recurrent - layer.bias);
  if (weights == LstmWeights::kFloat) {
    PackProduct(tensors.weight_hh, hidden, hidden, recurrent);
  } else {
    PackPairs(tensors.weight_hh, hidden, layer.recurrent_rows(), recurrent);
  }
}

PackedLstmLayer LstmLayerAt(size_t inputs, size_t hidden, LstmWeights weights, const float* block) {
  PackedLstmLayer layer{.inputs = inputs, .hidden = hidden, .weights = weights};
  layer.bias = block;
  layer.input = layer.bias + layer.tiles() * kLstmTileGates;
  layer.recurrent = layer.input + layer.tiles() * kLstmTileGates * inputs;
  return layer;
}

}  // namespace auspex::model
