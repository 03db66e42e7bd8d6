// The parts of a transformer that are no matrix product, compiled once per instruction set. Rows
// are padded to whole vectors.
#if defined(AUSPEX_MODEL_ENGINE_ATTENTION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef AUSPEX_MODEL_ENGINE_ATTENTION_INL_H_
#undef AUSPEX_MODEL_ENGINE_ATTENTION_INL_H_
#else
#define AUSPEX_MODEL_ENGINE_ATTENTION_INL_H_
#endif

#include <cstddef>

#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"
#include "model/engine/dense-inl.h"

HWY_BEFORE_NAMESPACE();
namespace auspex::model::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// The row's values become positive weights of sum 1: softmax over `size` values, of which those at
// -infinity get exactly 0. Within 5e-7 of double precision, which attention_test.cc holds; at least
// one value is finite.
HWY_INLINE void Softmax(float* row, size_t size) {
  const Floats d;
  Vector highest = hn::Load(d, row);
  for (size_t i = hn::Lanes(d); i < size; i += hn::Lanes(d)) {
    highest = hn::Max(highest, hn::Load(d, row + i));
  }
  highest = hn::MaxOfLanes(d, highest);
  Vector sum = hn::Zero(d);
  for (size_t i = 0; i < size; i += hn::Lanes(d)) {
    const Vector weight = hn::Exp(d, hn::Sub(hn::Load(d, row + i), highest));
    hn::Store(weight, d, row + i);
    sum = hn::Add(sum, weight);
  }
  const Vector share = hn::Div(hn::Set(d, 1.0F), hn::SumOfLanes(d, sum));
  for (size_t i = 0; i < size; i += hn::Lanes(d)) {
    hn::Store(hn::Mul(hn::Load(d, row + i), share), d, row + i);
  }
}

// y = (x - mean) / sqrt(variance + epsilon) * scale + shift, over `size` values; in two passes,
// because the difference of two sums of squares would lose what is small.
HWY_INLINE void Normalize(const float* x, const float* scale, const float* shift, size_t size,
                          float epsilon, float* y) {
  const Floats d;
  const Vector count = hn::Set(d, static_cast<float>(size));
  Vector sum = hn::Zero(d);
  for (size_t u = 0; u < size; u += hn::Lanes(d)) sum = hn::Add(sum, hn::Load(d, x + u));
  const Vector mean = hn::Div(hn::SumOfLanes(d, sum), count);
  Vector squares = hn::Zero(d);
  for (size_t u = 0; u < size; u += hn::Lanes(d)) {
    const Vector off =
        hn::IfThenElseZero(hn::FirstN(d, size - u), hn::Sub(hn::Load(d, x + u), mean));
    squares = hn::MulAdd(off, off, squares);
  }
  const Vector variance = hn::Div(hn::SumOfLanes(d, squares), count);
  const Vector inverse =
      hn::Div(hn::Set(d, 1.0F), hn::Sqrt(hn::Add(variance, hn::Set(d, epsilon))));
  for (size_t u = 0; u < size; u += hn::Lanes(d)) {
    const Vector off = hn::Mul(hn::Sub(hn::Load(d, x + u), mean), inverse);
    hn::Store(hn::MulAdd(off, hn::Load(d, scale + u), hn::Load(d, shift + u)), d, y + u);
  }
}

}  // namespace auspex::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // AUSPEX_MODEL_ENGINE_ATTENTION_INL_H_
