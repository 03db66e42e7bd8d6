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

// Neighbouring examples, a vector of them in every row of a plane.
template <class Lanes>
class Column {
 public:
  HWY_INLINE Column(const Lanes& lanes, size_t first) : lanes_(lanes), first_(first) {}

  HWY_INLINE Vector Load(ConstPlane plane, size_t row) const {
    return lanes_.Load(plane.Row(row) + first_);
  }
  HWY_INLINE void Store(Vector value, Plane plane, size_t row) const {
    lanes_.Store(value, plane.Row(row) + first_);
  }

 private:
  const Lanes lanes_;
  const size_t first_;
};

void Open(size_t hidden, size_t windows, ConstPlane previous, const LstmStep& step) {
  const Constants constants;
  for (size_t k = 0; k < hidden; ++k) {
    ForEachVector(windows, [&](size_t column, const auto& lanes) HWY_ATTR {
      const Column at(lanes, column);
      const Vector i = Sigmoid(constants, at.Load(step.gates, k));
      const Vector f = Sigmoid(constants, at.Load(step.gates, hidden + k));
      const Vector g = TanhOf(constants, at.Load(step.gates, 2 * hidden + k));
      const Vector o = Sigmoid(constants, at.Load(step.gates, 3 * hidden + k));
      Vector cell = hn::Mul(i, g);
      if (previous.data != nullptr) cell = hn::MulAdd(f, at.Load(previous, k), cell);
      const Vector tanh_cell = TanhOf(constants, cell);
      at.Store(i, step.gates, k);
      at.Store(f, step.gates, hidden + k);
      at.Store(g, step.gates, 2 * hidden + k);
      at.Store(o, step.gates, 3 * hidden + k);
      at.Store(cell, step.cell, k);
      at.Store(tanh_cell, step.tanh_cell, k);
      at.Store(hn::Mul(o, tanh_cell), step.state, k);
    });
  }
}

void Close(size_t hidden, size_t windows, ConstPlane previous, const LstmStep& step,
           ConstPlane state_slope, Plane cell_slope, Plane gate_slope) {
  const Vector one = hn::Set(Floats(), 1.0F);
  for (size_t k = 0; k < hidden; ++k) {
    ForEachVector(windows, [&](size_t column, const auto& lanes) HWY_ATTR {
      const Column at(lanes, column);
      const Vector i = at.Load(step.gates, k);
      const Vector f = at.Load(step.gates, hidden + k);
      const Vector g = at.Load(step.gates, 2 * hidden + k);
      const Vector o = at.Load(step.gates, 3 * hidden + k);
      const Vector tanh_cell = at.Load(step.tanh_cell, k);
      const Vector by_state = at.Load(state_slope, k);
      const Vector by_tanh = hn::Mul(by_state, o);
      const Vector by_cell =
          hn::MulAdd(by_tanh, hn::NegMulAdd(tanh_cell, tanh_cell, one), at.Load(cell_slope, k));
      const Vector kept = hn::Mul(by_cell, f);
      const auto of_sigmoid = [&](Vector gate) HWY_ATTR { return hn::NegMulAdd(gate, gate, gate); };
      at.Store(hn::Mul(hn::Mul(by_cell, g), of_sigmoid(i)), gate_slope, k);
      const Vector before = previous.data == nullptr ? hn::Zero(Floats()) : at.Load(previous, k);
      at.Store(hn::Mul(hn::Mul(by_cell, before), of_sigmoid(f)), gate_slope, hidden + k);
      at.Store(hn::Mul(hn::Mul(by_cell, i), hn::NegMulAdd(g, g, one)), gate_slope, 2 * hidden + k);
      at.Store(hn::Mul(hn::Mul(by_state, tanh_cell), of_sigmoid(o)), gate_slope, 3 * hidden + k);
      at.Store(kept, cell_slope, k);
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
