// Two threads on two cores against one.
#pragma once

#include <functional>

#include "model/engine/engine.h"

namespace auspex {

// The median over `turns` of twice the processor time of `work` on one thread over that on two. By
// processor time, because the machine's other programs decide over the wall time: what is lost to
// shared caches and memory counts, waiting does not. 2 = nothing is lost.
double TwoCoresOverOne(int turns, const std::function<void(const model::ParallelFor&)>& work);

}  // namespace auspex
