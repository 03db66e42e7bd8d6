#include "model/engine/dense_forward.h"

// Tiles are arrays of vectors, which vectors of unknown size do not allow.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/engine/dense_forward.cc"
#include "hwy/foreach_target.h"  // Includes this file once per instruction set.
#include "hwy/highway.h"
#include "model/engine/dense-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace auspex::model::HWY_NAMESPACE {

void OneRow(const PackedDense& dense, const float* x, float* y) {
  Dense<Activation::kNone>(dense, {dense.bias, 0}, {x, 0}, 1, {y, 0});
}

}  // namespace auspex::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace auspex::model {

HWY_EXPORT(OneRow);

void DenseForward(const PackedDense& dense, const float* x, float* y) {
  HWY_DYNAMIC_DISPATCH(OneRow)(dense, x, y);
}

}  // namespace auspex::model
#endif  // HWY_ONCE
