// The network in single precision, in the widest vectors that this machine has (Highway's dynamic
// dispatch). Differs from network_reference.h by rounding only.
#pragma once

#include <span>
#include <vector>

#include "model/engine/gru_forward.h"
#include "model/engine/lstm_forward.h"
#include "model/engine/packed_network.h"
#include "model/engine/transformer_forward.h"
#include "model/features/features.h"

namespace auspex::model {

// Targets that go through the decoder together: their activations stay in the first-level cache.
inline constexpr size_t kTargetBlock = 32;

// Working memory of one thread; grows to the largest network that it has seen.
struct SimdBuffers {
  void Fit(const PackedNetwork& network);

  // Encoder.
  LstmScratch lstm;
  GruScratch gru;
  TransformerScratch transformer;
  // Decoder.
  std::vector<float> window;  // encoder's output and window features
  std::vector<float> shared;  // [width] the part of the first layer that all targets share
  std::vector<float> asinh;   // [kTargetBlock][kCandidates], padded
  std::vector<float> inputs;  // [kTargetBlock][target_inputs]
  std::vector<float> first;   // [kTargetBlock][width]
  std::vector<float> second;  // [kTargetBlock][width]
};

// Encoder and decoder. `outputs` is [targets][network.output().outputs].
void SimdForward(const PackedNetwork& network, const WindowFeatures& window,
                 const TargetFeatures& targets, SimdBuffers* buffers, std::span<float> outputs);

}  // namespace auspex::model
