// Logits in vectors, compiled once per instruction set: what the output head and its loss in
// training share. Exponentials are of -|x|, so that nothing overflows; a NaN stays one.
#if defined(AUSPEX_MODEL_ENGINE_LOGIT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef AUSPEX_MODEL_ENGINE_LOGIT_INL_H_
#undef AUSPEX_MODEL_ENGINE_LOGIT_INL_H_
#else
#define AUSPEX_MODEL_ENGINE_LOGIT_INL_H_
#endif

#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace auspex::model::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class D, class V = hn::Vec<D>>
HWY_INLINE V ExpOfMinusAbs(D d, V x) {
  return hn::Exp(d, hn::Neg(hn::Abs(x)));
}

// 1 / (1 + exp(-x)); `e` is ExpOfMinusAbs of x.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V SigmoidOf(D d, V x, V e) {
  const V one = hn::Set(d, 1.0F);
  return hn::Div(hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one), hn::Add(one, e));
}

// log(1 + exp(x)); `e` as above.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V SoftplusOf(D d, V x, V e) {
  return hn::Add(hn::Max(x, hn::Zero(d)), hn::Log1p(d, e));
}

}  // namespace auspex::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // AUSPEX_MODEL_ENGINE_LOGIT_INL_H_
