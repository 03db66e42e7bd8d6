#include "model/train/lstm_gates.h"

#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/train/lstm_gates.cc"
#include "hwy/foreach_target.h"  // Includes this file once per instruction set.
#include "hwy/highway.h"
#include "model/engine/lstm_cell-inl.h"
#include "model/train/planes-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace auspex::model::HWY_NAMESPACE {

using Values = Bundle<Floats, 1>;
using Constants = CellConstants<Floats>;

HWY_INLINE Values Of(Vector x) {
  Values values;
  values.v[0] = x;
  return values;
}

HWY_INLINE Vector Sigmoid(const Constants& constants, Vector x) {
  return hn::Div(hn::Set(Floats(), 1.0F), SigmoidDenominator(constants, Of(x)).v[0]);
}

HWY_INLINE Vector TanhOf(const Constants& constants, Vector x) {
  const Quotient<Floats, 1> tanh = Tanh(constants, Of(x));
  return hn::Div(tanh.numerator.v[0], tanh.denominator.v[0]);
}

void Open(size_t hidden, size_t windows, ConstPlane previous, const LstmStep& step) {
  const Constants constants;
  for (size_t k = 0; k < hidden; ++k) {
    ForEachVector(windows, [&](size_t column, const auto& lanes) HWY_ATTR {
      const auto load = [&](ConstPlane plane, size_t row)
                            HWY_ATTR { return lanes.Load(plane.Row(row) + column); };
      const auto store = [&](Vector value, Plane plane, size_t row)
                             HWY_ATTR { lanes.Store(value, plane.Row(row) + column); };
      const Vector i = Sigmoid(constants, load(step.gates, k));
      const Vector f = Sigmoid(constants, load(step.gates, hidden + k));
      const Vector g = TanhOf(constants, load(step.gates, 2 * hidden + k));
      const Vector o = Sigmoid(constants, load(step.gates, 3 * hidden + k));
      Vector cell = hn::Mul(i, g);
      if (previous.data != nullptr) cell = hn::MulAdd(f, load(previous, k), cell);
      const Vector tanh_cell = TanhOf(constants, cell);
      store(i, step.gates, k);
      store(f, step.gates, hidden + k);
      store(g, step.gates, 2 * hidden + k);
      store(o, step.gates, 3 * hidden + k);
      store(cell, step.cell, k);
      store(tanh_cell, step.tanh_cell, k);
      store(hn::Mul(o, tanh_cell), step.state, k);
    });
  }
}

void Close(size_t hidden, size_t windows, ConstPlane previous, const LstmStep& step,
           ConstPlane state_slope, Plane cell_slope, Plane gate_slope) {
  const Vector one = hn::Set(Floats(), 1.0F);
  for (size_t k = 0; k < hidden; ++k) {
    ForEachVector(windows, [&](size_t column, const auto& lanes) HWY_ATTR {
      const auto load = [&](ConstPlane plane, size_t row)
                            HWY_ATTR { return lanes.Load(plane.Row(row) + column); };
      const auto store = [&](Vector value, Plane plane, size_t row)
                             HWY_ATTR { lanes.Store(value, plane.Row(row) + column); };
      const Vector i = load(step.gates, k);
      const Vector f = load(step.gates, hidden + k);
      const Vector g = load(step.gates, 2 * hidden + k);
      const Vector o = load(step.gates, 3 * hidden + k);
      const Vector tanh_cell = load(step.tanh_cell, k);
      const Vector by_state = load(state_slope, k);
      const Vector by_tanh = hn::Mul(by_state, o);
      const Vector by_cell =
          hn::MulAdd(by_tanh, hn::NegMulAdd(tanh_cell, tanh_cell, one), load(cell_slope, k));
      const Vector kept = hn::Mul(by_cell, f);
      const auto of_sigmoid = [&](Vector gate) HWY_ATTR { return hn::NegMulAdd(gate, gate, gate); };
      store(hn::Mul(hn::Mul(by_cell, g), of_sigmoid(i)), gate_slope, k);
      const Vector before = previous.data == nullptr ? hn::Zero(Floats()) : load(previous, k);
      store(hn::Mul(hn::Mul(by_cell, before), of_sigmoid(f)), gate_slope, hidden + k);
      store(hn::Mul(hn::Mul(by_cell, i), hn::NegMulAdd(g, g, one)), gate_slope, 2 * hidden + k);
      store(hn::Mul(hn::Mul(by_state, tanh_cell), of_sigmoid(o)), gate_slope, 3 * hidden + k);
      store(kept, cell_slope, k);
    });
  }
}

}  // namespace auspex::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace auspex::model {

HWY_EXPORT(Open);
HWY_EXPORT(Close);

void OpenGates(size_t hidden, size_t windows, ConstPlane previous, const LstmStep& step) {
  HWY_DYNAMIC_DISPATCH(Open)(hidden, windows, previous, step);
}

void CloseGates(size_t hidden, size_t windows, ConstPlane previous, const LstmStep& step,
                ConstPlane state_slope, Plane cell_slope, Plane gate_slope) {
  HWY_DYNAMIC_DISPATCH(Close)
  (hidden, windows, previous, step, state_slope, cell_slope, gate_slope);
}

}  // namespace auspex::model
#endif  // HWY_ONCE
