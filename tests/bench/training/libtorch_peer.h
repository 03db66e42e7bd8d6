// LibTorch's two ways to train many small networks, with autograd, on one thread.
#pragma once

#include <cstddef>
#include <vector>

#include "tests/bench/training/training_set.h"

namespace auspex {

// The loss of every iteration, a mean over the networks.
using LossCurve = std::vector<double>;

// nn::LSTM, nn::Linear and optim::AdamW. REQUIRES: a stack of one network.
LossCurve TrainModules(const TrainingSet& set, const NetworkStack& stack);

// The weights of the stack's networks in one tensor per layer, a batched matrix product where a
// single network has a product, optim::AdamW.
LossCurve TrainStacked(const TrainingSet& set, const NetworkStack& stack);

}  // namespace auspex
