#include "model/engine/packed_lstm.h"

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

}  // namespace

size_t PackedLstmFloats(size_t inputs, size_t hidden) {
  const size_t tiles = PackedLstmLayer{.inputs = inputs, .hidden = hidden}.tiles();
  return tiles * kLstmTileGates * (1 + inputs + hidden);
}

void PackLstmLayer(size_t inputs, size_t hidden, const LstmTensors& tensors, float* block) {
  const PackedLstmLayer layer = LstmLayerAt(inputs, hidden, block);
  for (size_t gate = 0; gate < 4; ++gate) {
    for (size_t unit = 0; unit < hidden; ++unit) {
      const size_t row = gate * hidden + unit;
      block[Column(unit, gate, kLstmTileGates)] = tensors.bias_ih[row] + tensors.bias_hh[row];
    }
  }
  PackProduct(tensors.weight_ih, hidden, inputs, block + (layer.input - layer.bias));
  PackProduct(tensors.weight_hh, hidden, hidden, block + (layer.recurrent - layer.bias));
}

PackedLstmLayer LstmLayerAt(size_t inputs, size_t hidden, const float* block) {
  PackedLstmLayer layer{.inputs = inputs, .hidden = hidden};
  layer.bias = block;
  layer.input = layer.bias + layer.tiles() * kLstmTileGates;
  layer.recurrent = layer.input + layer.tiles() * kLstmTileGates * inputs;
  return layer;
}

}  // namespace auspex::model
