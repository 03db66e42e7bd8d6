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
#include "model/engine/dense-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace auspex::model::HWY_NAMESPACE {

// asinh of the candidates, then the features, of `count` targets from `first` on.
void FillTargetInputs(const TargetFeatures& targets, size_t inputs, size_t first, size_t count,
                      SimdBuffers* buffers) {
  const Floats d;
  const float* const candidates = targets.candidates.data() + first * kCandidates;
  const size_t values = count * kCandidates;
  std::copy_n(candidates, values, buffers->asinh.data());
  for (size_t i = 0; i < values; i += hn::Lanes(d)) {
    float* const part = buffers->asinh.data() + i;
    hn::StoreU(hn::Asinh(d, hn::LoadU(d, part)), d, part);
  }
  const size_t width = inputs - kCandidates;
  const float* features = targets.features.data() + first * width;
  float* out = buffers->inputs.data();
  for (size_t t = 0; t < count; ++t, features += width) {
    out = std::copy_n(buffers->asinh.data() + t * kCandidates, kCandidates, out);
    out = std::copy_n(features, width, out);
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
  const size_t inputs = network.target().inputs;
  const size_t count = targets.candidates.size() / kCandidates;
  for (size_t first = 0; first < count; first += kTargetBlock) {
    const size_t rows = std::min(kTargetBlock, count - first);
    FillTargetInputs(targets, inputs, first, rows, buffers);
    Dense<Activation::kRelu>(network.target(), {buffers->shared.data(), 0},
                             {buffers->inputs.data(), inputs}, rows,
                             {buffers->first.data(), width});
    Dense<Activation::kRelu>(network.hidden_layer(), {network.hidden_layer().bias, 0},
                             {buffers->first.data(), width}, rows, {buffers->second.data(), width});
    const size_t stride = network.output().outputs;
    Dense<Activation::kNone>(network.output(), {network.output().bias, 0},
                             {buffers->second.data(), width}, rows,
                             {outputs.data() + first * stride, stride});
  }
}

}  // namespace auspex::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace auspex::model {

HWY_EXPORT(Decode);

namespace {

// The encoder's output at the newest patch; null without an encoder.
const float* Encoded(const PackedNetwork& network, const WindowFeatures& window,
                     SimdBuffers* buffers) {
  const ConstRows x{window.patches.data(), network.patch_inputs()};
  const size_t patches = window.patches.size() / network.patch_inputs();
  if (!network.lstm().empty()) {
    const float* const states =
        LstmForward(network.lstm(), x, patches, /*next=*/{}, &buffers->lstm);
    return states + (patches - 1) * network.lstm().back().units();
  }
  if (!network.gru().empty()) {
    const float* const states = GruForward(network.gru(), x, patches, &buffers->gru);
    return states + (patches - 1) * network.gru().back().units();
  }
  if (!network.transformer().layers.empty()) {
    return TransformerForward(network.transformer(), x, &buffers->transformer);
  }
  return nullptr;
}

}  // namespace

void SimdBuffers::Fit(const PackedNetwork& network) {
  const size_t width = network.window().outputs;
  window.resize(network.window().inputs);
  shared.resize(width);
  asinh.resize(PaddedOutputs(kTargetBlock * kCandidates));
  inputs.resize(kTargetBlock * network.target().inputs);
  first.resize(kTargetBlock * width);
  second.resize(kTargetBlock * width);
}

void SimdForward(const PackedNetwork& network, const WindowFeatures& window,
                 const TargetFeatures& targets, SimdBuffers* buffers, std::span<float> outputs) {
  // To the front of the window layer's inputs.
  if (const float* const encoded = Encoded(network, window, buffers); encoded != nullptr) {
    std::copy_n(encoded, network.hidden(), buffers->window.data());
  }
  HWY_DYNAMIC_DISPATCH(Decode)(network, window, targets, buffers, outputs);
}

}  // namespace auspex::model
#endif  // HWY_ONCE
