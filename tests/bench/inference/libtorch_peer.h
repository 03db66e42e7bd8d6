// LibTorch's two ways to run a fleet of LSTM networks, on one thread.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "tests/bench/inference/fleet.h"

namespace auspex {

// Windows and answers below are those of the networks [begin, end): [end - begin][steps][inputs]
// and [end - begin][outputs].
class LibTorchPeer {
 public:
  // Copies the fleet's weights.
  explicit LibTorchPeer(const BenchFleet& fleet);
  ~LibTorchPeer();

  // nn::LSTM and nn::Linear, one network after the other.
  std::vector<float> OneByOne(size_t begin, size_t end, std::span<const float> windows) const;
  // The weights of `chunk` networks stacked, a batched matrix product per step.
  void Stack(size_t chunk);
  // REQUIRES: Stack(chunk) was called, begin and end are multiples of that chunk.
  std::vector<float> Stacked(size_t begin, size_t end, std::span<const float> windows) const;

 private:
  struct Tensors;
  const BenchFleet& fleet_;
  std::unique_ptr<Tensors> tensors_;
};

}  // namespace auspex
