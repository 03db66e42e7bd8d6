// oneDNN's LSTM primitive, one network after the other: the strongest kernel that we know of for
// this. Its head is left out, which flatters it by less than one part in a hundred.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "tests/bench/inference/fleet.h"

namespace auspex {

class OnednnPeer {
 public:
  // Copies the fleet's weights into the form that the primitive for windows of `steps` prefers.
  // Null when the benchmark was built without oneDNN.
  static std::unique_ptr<OnednnPeer> Make(const BenchFleet& fleet, size_t steps);
  virtual ~OnednnPeer() = default;

  // The last hidden states of the networks [begin, end), [end - begin][hidden], for their windows.
  virtual std::vector<float> Run(size_t begin, size_t end, std::span<const float> windows) = 0;
};

}  // namespace auspex
