#include "model/engine/gru_forward.h"

#include <algorithm>

// Tiles are arrays of vectors, which vectors of unknown size do not allow.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/engine/gru_forward.cc"
#include "hwy/foreach_target.h"  // Includes this file once per instruction set.
#include "hwy/highway.h"
#include "model/engine/dense-inl.h"
#include "model/engine/lstm_cell-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace auspex::model::HWY_NAMESPACE {

using Values = Bundle<Floats, 1>;

HWY_INLINE Values At(const float* from) {
  Values values;
  values.v[0] = hn::Load(Floats(), from);
  return values;
}

HWY_INLINE Vector Sigmoid(const CellConstants<Floats>& constants, Vector x) {
  Values values;
  values.v[0] = x;
  return hn::Div(hn::Set(Floats(), 1.0F), SigmoidDenominator(constants, values).v[0]);
}

// One step of all units:
//   r = sigmoid(x_r + h_r),  z = sigmoid(x_z + h_z),  n = tanh(x_n + r * h_n),  h' = n + z * (h -
//   n)
void UpdateUnits(const CellConstants<Floats>& constants, const float* x, const float* h,
                 size_t units, const float* previous, float* hidden) {
  const Floats d;
  for (size_t u = 0; u < units; u += hn::Lanes(d)) {
    const auto sum = [&](size_t gate) {
      return hn::Add(At(x + gate * units + u).v[0], At(h + gate * units + u).v[0]);
    };
    const Vector reset = Sigmoid(constants, sum(0));
    const Vector keep = Sigmoid(constants, sum(1));
    Values candidate;
    candidate.v[0] = hn::MulAdd(reset, At(h + 2 * units + u).v[0], At(x + 2 * units + u).v[0]);
    const Quotient<Floats, 1> tanh = Tanh(constants, candidate);
    const Vector fresh = hn::Div(tanh.numerator.v[0], tanh.denominator.v[0]);
    const Vector change = hn::Sub(At(previous + u).v[0], fresh);
    hn::Store(hn::MulAdd(keep, change, fresh), d, hidden + u);
  }
}

// Runs one layer over the sequence `x`, which may be where the hidden states go.
void RunLayer(const PackedGruLayer& layer, ConstRows x, size_t steps, GruScratch* scratch) {
  const CellConstants<Floats> constants;
  const size_t units = layer.units();
  Dense<Activation::kNone>(layer.input, {layer.input.bias, 0}, x, steps,
                           {scratch->gates.data(), 3 * units});
  std::fill_n(scratch->sequence.data(), units, 0.0F);
  for (size_t s = 0; s < steps; ++s) {
    float* const previous = scratch->sequence.data() + s * units;
    Dense<Activation::kNone>(layer.recurrent, {layer.recurrent.bias, 0}, {previous, 0}, 1,
                             {scratch->recurrent.data(), 0});
    UpdateUnits(constants, scratch->gates.data() + s * 3 * units, scratch->recurrent.data(), units,
                previous, previous + units);
  }
}

void GruLayers(std::span<const PackedGruLayer> layers, ConstRows x, size_t steps,
               GruScratch* scratch) {
  for (const PackedGruLayer& layer : layers) {
    RunLayer(layer, x, steps, scratch);
    x = {scratch->sequence.data() + layer.units(), layer.units()};
  }
}

}  // namespace auspex::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace auspex::model {

HWY_EXPORT(GruLayers);

const float* GruForward(std::span<const PackedGruLayer> layers, ConstRows x, size_t steps,
                        GruScratch* scratch) {
  const size_t units = layers.front().units();
  scratch->gates.Fit(steps * 3 * units);
  scratch->recurrent.Fit(3 * units);
  scratch->sequence.Fit((1 + steps) * units);
  HWY_DYNAMIC_DISPATCH(GruLayers)(layers, x, steps, scratch);
  return scratch->sequence.data() + units;
}

}  // namespace auspex::model
#endif  // HWY_ONCE
