// The networks that everything compared here computes: the same weights, the same windows.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "model/engine/lstm_fleet.h"

namespace auspex {

struct BenchFleet {
  // Weights as LibTorch draws them, inputs as of normalised series; the same in every run.
  BenchFleet(const model::LstmShape& fleet_shape, size_t networks);

  model::LstmShape shape;
  std::vector<std::vector<float>> parameters;  // per network, in the order of LstmFleet::SetNetwork

  // One window per network: [networks][steps][inputs].
  std::vector<float> Windows(size_t steps) const;
  // Floating-point operations of the matrix products of one network.
  double Operations(size_t steps) const;
};

// The tensors of one layer, or of the head with only `weight_ih` and `bias_ih`, inside the
// parameters of a network.
struct LayerTensors {
  size_t inputs = 0;
  std::span<const float> weight_ih, weight_hh, bias_ih, bias_hh;
};
// All layers, then the head.
std::vector<LayerTensors> SplitParameters(const model::LstmShape& shape,
                                          std::span<const float> parameters);

// The heads' answers for the last hidden states of the networks from `begin` on.
std::vector<float> ApplyHeads(const BenchFleet& fleet, size_t begin, std::span<const float> states);

// Ends the process if one of the answers differs from ours by more than `tolerance`, or is no
// number.
void CheckAnswers(const std::string& who, float tolerance, std::span<const float> theirs,
                  std::span<const float> ours);

}  // namespace auspex
