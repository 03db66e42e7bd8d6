#include "model/engine/simd_forward.h"

#include <algorithm>

// Tiles below are arrays of vectors, which vectors of unknown size do not allow.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/engine/simd_forward.cc"
#include "hwy/foreach_target.h"  // Includes this file once per instruction set.
#include "hwy/highway.h"
#include "hwy/contrib/math/math-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace auspex::model::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, kOutputPadding>;
using Vector = hn::Vec<Floats>;

enum class Activation { kNone, kRelu };

// Rows of activations: row r begins at data + r * stride. A stride of 0 repeats one row.
struct ConstRows {
  const float* data;
  size_t stride;
};
struct Rows {
  float* data;
  size_t stride;
};

// kRows rows times kVectors vectors of outputs, from column `column` on:
// y = activation(start + x * weights). All sums stay in registers.
template <size_t kRows, size_t kVectors, Activation kActivation>
HWY_INLINE void Tile(const PackedDense& dense, size_t column, ConstRows start, ConstRows x,
                     Rows y) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  Vector sums[kRows][kVectors];
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kVectors; ++v) {
      sums[r][v] = hn::LoadU(d, start.data + r * start.stride + column + v * lanes);
    }
  }
  const float* HWY_RESTRICT weights = dense.weights + column;
  for (size_t i = 0; i < dense.inputs; ++i, weights += dense.outputs) {
    Vector w[kVectors];
    for (size_t v = 0; v < kVectors; ++v) w[v] = hn::Load(d, weights + v * lanes);
    for (size_t r = 0; r < kRows; ++r) {
      const Vector input = hn::Set(d, x.data[r * x.stride + i]);
      for (size_t v = 0; v < kVectors; ++v) sums[r][v] = hn::MulAdd(input, w[v], sums[r][v]);
    }
  }
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kVectors; ++v) {
      const Vector sum = sums[r][v];
      hn::StoreU(kActivation == Activation::kRelu ? hn::Max(sum, hn::Zero(d)) : sum, d,
                 y.data + r * y.stride + column + v * lanes);
    }
  }
}

template <size_t kRows, Activation kActivation>
HWY_INLINE void AllColumns(const PackedDense& dense, ConstRows start, ConstRows x, Rows y) {
  const size_t lanes = hn::Lanes(Floats());
  size_t column = 0;
  for (; column + 2 * lanes <= dense.outputs; column += 2 * lanes) {
    Tile<kRows, 2, kActivation>(dense, column, start, x, y);
  }
  for (; column < dense.outputs; column += lanes) {
    Tile<kRows, 1, kActivation>(dense, column, start, x, y);
  }
}

// y = activation(start + x * weights) for every row.
template <Activation kActivation>
void Dense(const PackedDense& dense, ConstRows start, ConstRows x, size_t rows, Rows y) {
  constexpr size_t kRowsOfTile = 4;
  size_t r = 0;
  for (; r + kRowsOfTile <= rows; r += kRowsOfTile) {
    AllColumns<kRowsOfTile, kActivation>(dense, {start.data + r * start.stride, start.stride},
                                         {x.data + r * x.stride, x.stride},
                                         {y.data + r * y.stride, y.stride});
  }
  for (; r < rows; ++r) {
    AllColumns<1, kActivation>(dense, {start.data + r * start.stride, 0},
                               {x.data + r * x.stride, 0}, {y.data + r * y.stride, 0});
  }
}

// 1 / (1 + exp(-x)). Exp needs its argument below 104; beyond +-30 nothing changes in a float.
HWY_INLINE Vector Sigmoid(Vector x) {
  const Floats d;
  const Vector limited = hn::Max(hn::Set(d, -80.0F), hn::Min(hn::Set(d, 80.0F), x));
  const Vector one = hn::Set(d, 1.0F);
  return hn::Div(one, hn::Add(one, hn::Exp(d, hn::Neg(limited))));
}

// tanh(x) = 2 * sigmoid(2 x) - 1 would lose the small values; Highway's own keeps them.
HWY_INLINE Vector Tanh(Vector x) {
  const Floats d;
  const Vector limited = hn::Max(hn::Set(d, -20.0F), hn::Min(hn::Set(d, 20.0F), x));
  return hn::Tanh(d, limited);
}

// One step of all units: `gates` is [4][units], `cell` is updated, `h` is written.
HWY_INLINE void UpdateCell(const float* gates, size_t units, float* cell, float* h) {
  const Floats d;
  for (size_t u = 0; u < units; u += hn::Lanes(d)) {
    const Vector input = Sigmoid(hn::LoadU(d, gates + u));
    const Vector forget = Sigmoid(hn::LoadU(d, gates + units + u));
    const Vector candidate = Tanh(hn::LoadU(d, gates + 2 * units + u));
    const Vector output = Sigmoid(hn::LoadU(d, gates + 3 * units + u));
    const Vector next = hn::MulAdd(forget, hn::LoadU(d, cell + u), hn::Mul(input, candidate));
    hn::StoreU(next, d, cell + u);
    hn::StoreU(hn::Mul(output, Tanh(next)), d, h + u);
  }
}

// Runs one layer over the sequence `x`; the hidden states go to buffers->sequence.
void RunLayer(const PackedNetwork& network, const PackedLstmLayer& layer, ConstRows x,
              size_t patches, SimdBuffers* buffers) {
  const size_t units = network.units();
  const size_t gates = 4 * units;
  float* const sums = buffers->gates.data();
  Dense<Activation::kNone>(layer.input, {layer.input.bias, 0}, x, patches, {sums, gates});
  std::fill_n(buffers->cell.data(), units, 0.0F);
  for (size_t t = 0; t < patches; ++t) {
    float* const step = sums + t * gates;
    float* const h = buffers->sequence.data() + t * units;
    if (t > 0) {
      Dense<Activation::kNone>(layer.recurrent, {step, 0}, {h - units, 0}, 1, {step, 0});
    }
    UpdateCell(step, units, buffers->cell.data(), h);
  }
}

// The hidden state after the newest patch; `buffers->sequence` holds it.
const float* Encode(const PackedNetwork& network, const WindowFeatures& window,
                    SimdBuffers* buffers) {
  const size_t patches = window.patches.size() / network.patch_inputs();
  ConstRows x{window.patches.data(), network.patch_inputs()};
  for (const PackedLstmLayer& layer : network.encoder()) {
    RunLayer(network, layer, x, patches, buffers);
    x = {buffers->sequence.data(), network.units()};
  }
  return buffers->sequence.data() + (patches - 1) * network.units();
}

// asinh of the candidates, then the features, of `count` targets from `first` on.
void FillTargetInputs(const TargetFeatures& targets, size_t first, size_t count,
                      SimdBuffers* buffers) {
  const Floats d;
  const float* const candidates = targets.candidates.data() + first * kCandidates;
  const size_t values = count * kCandidates;
  std::copy_n(candidates, values, buffers->asinh.data());
  for (size_t i = 0; i < values; i += hn::Lanes(d)) {
    float* const part = buffers->asinh.data() + i;
    hn::StoreU(hn::Asinh(d, hn::LoadU(d, part)), d, part);
  }
  const float* features = targets.features.data() + first * kTargetFeatures;
  float* out = buffers->inputs.data();
  for (size_t t = 0; t < count; ++t, features += kTargetFeatures) {
    out = std::copy_n(buffers->asinh.data() + t * kCandidates, kCandidates, out);
    out = std::copy_n(features, kTargetFeatures, out);
  }
}

void Decode(const PackedNetwork& network, const WindowFeatures& window,
            const TargetFeatures& targets, SimdBuffers* buffers, std::span<float> outputs) {
  const PackedDense& window_layer = network.window();
  const size_t width = window_layer.outputs;
  std::copy(window.window.begin(), window.window.end(),
            buffers->window.end() - static_cast<ptrdiff_t>(window.window.size()));
  Dense<Activation::kNone>(window_layer, {window_layer.bias, 0}, {buffers->window.data(), 0}, 1,
                           {buffers->shared.data(), 0});
  const size_t count = targets.features.size() / kTargetFeatures;
  for (size_t first = 0; first < count; first += kTargetBlock) {
    const size_t rows = std::min(kTargetBlock, count - first);
    FillTargetInputs(targets, first, rows, buffers);
    Dense<Activation::kRelu>(network.target(), {buffers->shared.data(), 0},
                             {buffers->inputs.data(), kTargetInputs}, rows,
                             {buffers->first.data(), width});
    Dense<Activation::kRelu>(network.hidden_layer(), {network.hidden_layer().bias, 0},
                             {buffers->first.data(), width}, rows, {buffers->second.data(), width});
    const size_t stride = network.output().outputs;
    Dense<Activation::kNone>(network.output(), {network.output().bias, 0},
                             {buffers->second.data(), width}, rows,
                             {outputs.data() + first * stride, stride});
  }
}

void Forward(const PackedNetwork& network, const WindowFeatures& window,
             const TargetFeatures& targets, SimdBuffers* buffers, std::span<float> outputs) {
  if (!network.encoder().empty()) {
    std::copy_n(Encode(network, window, buffers), network.hidden(), buffers->window.data());
  }
  Decode(network, window, targets, buffers, outputs);
}

}  // namespace auspex::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace auspex::model {

HWY_EXPORT(Forward);

void SimdBuffers::Fit(const PackedNetwork& network, size_t patches) {
  const size_t units = network.units();
  const size_t width = network.window().outputs;
  sequence.resize(patches * units);
  gates.resize(patches * 4 * units);
  cell.resize(units);
  window.resize(network.window().inputs);
  shared.resize(width);
  asinh.resize(PaddedOutputs(kTargetBlock * kCandidates));
  inputs.resize(kTargetBlock * kTargetInputs);
  first.resize(kTargetBlock * width);
  second.resize(kTargetBlock * width);
}

void SimdForward(const PackedNetwork& network, const WindowFeatures& window,
                 const TargetFeatures& targets, SimdBuffers* buffers, std::span<float> outputs) {
  HWY_DYNAMIC_DISPATCH(Forward)(network, window, targets, buffers, outputs);
}

}  // namespace auspex::model
#endif  // HWY_ONCE
