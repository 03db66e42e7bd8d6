// One dense layer on one vector, in the widest vectors that this machine has.
#pragma once

#include "model/engine/packed_dense.h"

namespace auspex::model {

// y = dense.bias + x * weights. x is [inputs], y is [outputs], padded. REQUIRES: there is a bias.
void DenseForward(const PackedDense& dense, const float* x, float* y);

}  // namespace auspex::model
