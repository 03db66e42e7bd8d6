// The encoder of one item, by one block: recurrent layers or a transformer over the patches, then
// what all targets of the item share.
#pragma once

#include <cmath>

#include "model/engine/cuda/block.h"
#include "model/engine/cuda/dense_block.h"
#include "model/engine/cuda/fleet_plan.h"
#include "model/engine/cuda/transformer_block.h"

namespace auspex::model {

AUSPEX_DEVICE float Sigmoid(float x) { return 1.0F / (1.0F + std::exp(-x)); }

// The recurrent weights of one gate row.
template <int kUnits>
struct GateRow {
  float weight[kUnits];
};
template <>
struct GateRow<0> {};

// Reads the row from [units][stride]; units beyond `units` get 0. (A row of no registers: nothing.)
template <int kUnits>
AUSPEX_DEVICE void LoadRow(const float* weights, int stride, int units, GateRow<kUnits>& row) {
  if constexpr (kUnits > 0) {
    AUSPEX_UNROLL
    for (int k = 0; k < kUnits; ++k) row.weight[k] = k < units ? weights[k * stride] : 0.0F;
  }
}

// The row times the previous hidden state, in four partial sums: a fixed order, the same whether
// the weights are in registers (kUnits > 0) or read from [units][stride].
template <int kUnits>
AUSPEX_DEVICE float RowProduct(const GateRow<kUnits>& row, const float* weights, int stride,
                               int units, const float* hidden) {
  float sums[4] = {0, 0, 0, 0};
  if constexpr (kUnits > 0) {
    AUSPEX_UNROLL
    for (int k = 0; k < kUnits; k += 4) {
      const Four h = LoadFour(hidden + k);
      AUSPEX_UNROLL
      for (int j = 0; j < 4; ++j) sums[j] = std::fma(row.weight[k + j], h.v[j], sums[j]);
    }
  } else {
    for (int k = 0; k < units; k += 4, weights += 4 * stride) {
      const Four h = LoadFour(hidden + k);
      AUSPEX_UNROLL
      for (int j = 0; j < 4; ++j) sums[j] = std::fma(weights[j * stride], h.v[j], sums[j]);
    }
  }
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// What a layer computes with.
struct LayerMemory {
  const RecurrentLayout* layer;
  const float* weights;    // of the network, in device memory
  const float* recurrent;  // of the layer, in shared or device memory
  float* shared;
};

// The activation of one gate row at one step. `gate` is its sum over the inputs. The candidate of a
// GRU stays a product: the reset gate comes in between.
template <Cell kCell, int kUnits>
AUSPEX_DEVICE float Activate(const FleetPlan& plan, const LayerMemory& memory,
                             const GateRow<kUnits>& row, int index, float gate) {
  const DenseLayout& recurrent = memory.layer->recurrent;
  const float product = memory.weights[recurrent.bias + index] +
                        RowProduct<kUnits>(row, memory.recurrent + index, recurrent.outputs,
                                           recurrent.inputs, memory.shared + plan.encoder.hidden);
  const int hidden = plan.network.hidden;
  const bool candidate = index >= 2 * hidden && index < 3 * hidden;
  if (kCell == Cell::kGru && candidate) return product;
  if (kCell == Cell::kLstm && candidate) return std::tanh(gate + product);
  return Sigmoid(gate + product);
}

// The new state of one unit from the activations of its gates. `fresh` is the input's part of a
// GRU's candidate.
template <Cell kCell>
AUSPEX_DEVICE float Update(const float* activations, int hidden, float fresh, float previous,
                           float* cell) {
  if constexpr (kCell == Cell::kGru) {
    const float candidate = std::tanh(std::fma(activations[0], activations[2 * hidden], fresh));
    return std::fma(activations[hidden], previous - candidate, candidate);
  } else {
    *cell = std::fma(activations[hidden], *cell, activations[0] * activations[2 * hidden]);
    return activations[3 * hidden] * std::tanh(*cell);
  }
}

// One step: all gate rows, then all units. `s` is the step inside its block of steps.
template <Cell kCell, int kUnits, class Block, class Rows>
AUSPEX_DEVICE void RunStep(Block& block, const FleetPlan& plan, const LayerMemory& memory,
                           Rows& rows, int first, int s) {
  const EncoderPlan& encoder = plan.encoder;
  const int hidden = plan.network.hidden;
  float* const gates = memory.shared + encoder.gates;
  float* const activations = memory.shared + encoder.activations;
  float* const state = memory.shared + encoder.hidden;
  block.Each([&](int thread) {
    for (int row = thread; row < plan.network.gates; row += block.threads()) {
      activations[row] = Activate<kCell, kUnits>(plan, memory, rows[thread], row,
                                                 gates[row * encoder.step_block + s]);
    }
  });
  block.Each([&](int thread) {
    for (int unit = thread; unit < hidden; unit += block.threads()) {
      const float fresh =
          kCell == Cell::kGru ? gates[(2 * hidden + unit) * encoder.step_block + s] : 0.0F;
      state[unit] = Update<kCell>(activations + unit, hidden, fresh, state[unit],
                                  memory.shared + encoder.cell + unit);
      memory.shared[encoder.sequence + unit * encoder.columns + first + s] = state[unit];
    }
  });
}

// One layer over the whole sequence. `x` may be where the hidden states go: the inputs of a block
// of steps are used up before the first of its states is written.
template <Cell kCell, int kUnits, class Block>
AUSPEX_DEVICE void RunLayer(Block& block, const FleetPlan& plan, LayerMemory memory,
                            const float* x) {
  const EncoderPlan& encoder = plan.encoder;
  const RecurrentLayout& layer = *memory.layer;
  memory.recurrent = memory.weights + layer.recurrent.weights;
  if (encoder.recurrent_shared) {
    CopyFloats(block, memory.recurrent, layer.recurrent.inputs * layer.recurrent.outputs,
               memory.shared + encoder.recurrent);
    memory.recurrent = memory.shared + encoder.recurrent;
  }
  typename Block::template PerThread<GateRow<kUnits>> rows(block);
  block.Each([&](int thread) {
    if (thread < plan.network.gates) {
      LoadRow<kUnits>(memory.recurrent + thread, layer.recurrent.outputs, layer.recurrent.inputs,
                      rows[thread]);
    }
    // The previous hidden state and the cell state, which are neighbours, padding included.
    for (int i = encoder.hidden + thread; i < encoder.recurrent; i += block.threads()) {
      memory.shared[i] = 0;
    }
  });
  for (int first = 0; first < plan.network.patches; first += encoder.step_block) {
    DenseColumns<false>(block, layer.input, memory.weights + layer.input.weights,
                        memory.weights + layer.input.bias, {x + first, encoder.columns},
                        encoder.step_block, memory.shared + encoder.gates);
    for (int s = 0; s < encoder.step_block && first + s < plan.network.patches; ++s) {
      RunStep<kCell, kUnits>(block, plan, memory, rows, first, s);
    }
  }
}

// All layers, from the patches at encoder.inputs to the newest state at encoder.hidden.
template <Cell kCell, int kUnits, class Block>
AUSPEX_DEVICE void RunRecurrent(Block& block, const FleetPlan& plan, const float* weights) {
  float* const shared = block.shared();
  for (int n = 0; n < plan.network.layers; ++n) {
    const int x = n == 0 ? plan.encoder.inputs : plan.encoder.sequence;
    RunLayer<kCell, kUnits>(block, plan, {&plan.network.layer[n], weights, nullptr, shared},
                            shared + x);
  }
}

// The same by a transformer.
template <class Block>
AUSPEX_DEVICE void RunTransformer(Block& block, const FleetPlan& plan, const float* weights) {
  const EncoderPlan& encoder = plan.encoder;
  float* const shared = block.shared();
  const TransformerMemory memory{.weights = weights,
                                 .rows = shared + encoder.rows,
                                 .normed = shared + encoder.normed,
                                 .wide = shared + encoder.wide,
                                 .scores = shared + encoder.scores};
  Transformer<Block>(block, plan, memory).Run(shared + encoder.inputs, shared + encoder.hidden);
}

// The patches, transposed: [patch_inputs][columns], zero beyond the newest.
template <class Block>
AUSPEX_DEVICE void LoadPatches(Block& block, const FleetPlan& plan, const float* patches,
                               float* x) {
  const int inputs = plan.network.patch_inputs;
  const int columns = plan.encoder.columns;
  block.Each([&](int thread) {
    for (int i = thread; i < inputs * columns; i += block.threads()) {
      const int patch = i / inputs;
      const int input = i % inputs;
      x[input * columns + patch] = patch < plan.network.patches ? patches[i] : 0.0F;
    }
  });
}

// From a record to the decoder's first sums that the item's targets share: state_floats at `state`.
// An item without weights is left out.
template <Cell kCell, int kUnits, class Block>
AUSPEX_DEVICE void EncodeItem(Block& block, const FleetPlan& plan, const float* record,
                              float* state) {
  const NetworkLayout& network = plan.network;
  const float* const weights = reinterpret_cast<const RecordHeader*>(record)->weights;
  if (weights == nullptr) return;
  float* const shared = block.shared();
  if (network.layers > 0) {
    LoadPatches(block, plan, record + plan.record.patches, shared + plan.encoder.inputs);
  }
  if constexpr (kCell == Cell::kTransformer) {
    RunTransformer(block, plan, weights);
  } else {
    RunRecurrent<kCell, kUnits>(block, plan, weights);
  }
  const float* const hidden = shared + plan.encoder.hidden;
  block.Each([&](int thread) {
    for (int o = thread; o < network.window.outputs; o += block.threads()) {
      const float* w = weights + network.window.weights + o;
      float sum = weights[network.window.bias + o];
      for (int i = 0; i < network.encoder_outputs; ++i, w += network.window.outputs) {
        sum = std::fma(*w, hidden[i], sum);
      }
      for (int i = 0; i < network.window_features; ++i, w += network.window.outputs) {
        sum = std::fma(*w, record[plan.record.window + i], sum);
      }
      state[o] = sum;
    }
  });
}

// Calls run.operator()<cell, register units>() for the form of the encoder that the plan asks for.
template <class Run>
auto WithEncoderForm(const FleetPlan& plan, const Run& run) {
  const int units = plan.encoder.register_units;
  if (plan.network.cell == Cell::kTransformer) {
    return run.template operator()<Cell::kTransformer, 0>();
  }
  if (plan.network.cell == Cell::kGru) {
    if (units == 16) return run.template operator()<Cell::kGru, 16>();
    if (units == 32) return run.template operator()<Cell::kGru, 32>();
    if (units == 64) return run.template operator()<Cell::kGru, 64>();
    return run.template operator()<Cell::kGru, 0>();
  }
  if (units == 16) return run.template operator()<Cell::kLstm, 16>();
  if (units == 32) return run.template operator()<Cell::kLstm, 32>();
  if (units == 64) return run.template operator()<Cell::kLstm, 64>();
  return run.template operator()<Cell::kLstm, 0>();  // also without an encoder: it has no layers
}

}  // namespace auspex::model
