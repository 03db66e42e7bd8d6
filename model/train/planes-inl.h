// Walks along the examples of planes in vectors, compiled once per instruction set.
#if defined(AUSPEX_MODEL_TRAIN_PLANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef AUSPEX_MODEL_TRAIN_PLANES_INL_H_
#undef AUSPEX_MODEL_TRAIN_PLANES_INL_H_
#else
#define AUSPEX_MODEL_TRAIN_PLANES_INL_H_
#endif

#include <cstring>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace auspex::model::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using Vector = hn::Vec<Floats>;

// How a vector of examples is loaded and stored: whole,
struct Whole {
  HWY_INLINE Vector Load(const float* from) const { return hn::LoadU(Floats(), from); }
  HWY_INLINE void Store(Vector v, float* to) const { hn::StoreU(v, Floats(), to); }
  // Zero in lanes that are no examples.
  HWY_INLINE Vector Examples(Vector v) const { return v; }
};

// or the first lanes of it, where the examples end: the others are zero, and what lies behind the
// examples is neither read nor written (Highway's masked loads may read it).
class Part {
 public:
  HWY_INLINE explicit Part(size_t lanes) : lanes_(lanes) {}

  HWY_INLINE Vector Load(const float* from) const {
    HWY_ALIGN float values[hn::MaxLanes(Floats())] = {};
    std::memcpy(values, from, lanes_ * sizeof(float));
    return hn::Load(Floats(), values);
  }
  HWY_INLINE void Store(Vector v, float* to) const {
    HWY_ALIGN float values[hn::MaxLanes(Floats())];
    hn::Store(v, Floats(), values);
    std::memcpy(to, values, lanes_ * sizeof(float));
  }
  HWY_INLINE Vector Examples(Vector v) const {
    return hn::IfThenElseZero(hn::FirstN(Floats(), lanes_), v);
  }

 private:
  const size_t lanes_;
};

// Calls body(column, lanes) for whole vectors of examples, then for what is left.
template <class Body>
HWY_INLINE void ForEachVector(size_t examples, const Body& body) {
  const size_t step = hn::Lanes(Floats());
  size_t column = 0;
  for (; column + step <= examples; column += step) body(column, Whole());
  if (column < examples) body(column, Part(examples - column));
}

}  // namespace auspex::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // AUSPEX_MODEL_TRAIN_PLANES_INL_H_
