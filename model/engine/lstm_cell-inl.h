// The cell update of an LSTM in vectors, compiled once per instruction set:
//
//   c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
//   h  = sigmoid(o) * tanh(c')
//
// Every sigmoid and tanh is a quotient of exponentials; quotients that are added or multiplied
// share a denominator, which leaves two divisions. Errors against double precision, which
// lstm_cell_test.cc holds: sigmoid 1.5e-7 absolute, and 2e-6 relative from -20 to 20; tanh 1e-6
// relative. A NaN stays one.
#if defined(AUSPEX_MODEL_ENGINE_LSTM_CELL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef AUSPEX_MODEL_ENGINE_LSTM_CELL_INL_H_
#undef AUSPEX_MODEL_ENGINE_LSTM_CELL_INL_H_
#else
#define AUSPEX_MODEL_ENGINE_LSTM_CELL_INL_H_
#endif

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace auspex::model::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Constructors below are spelled out because those that a compiler makes up have no instruction
// set.

// kVectors vectors that take every operation together, so that a constant is loaded once for all
// and one's latency is hidden by the others.
template <class D, size_t kVectors>
struct Bundle {
  HWY_INLINE Bundle() {}

  hn::Vec<D> v[kVectors];
};

// Constants as vectors in memory: next to the sums of a product there are no registers for them.
template <class D>
class CellConstants {
 public:
  HWY_INLINE CellConstants() {
    // The argument of exp is limited to +-29: beyond, a sigmoid is 0 within 3e-13 or rounds to 1,
    // and the product of three terms below stays finite.
    Set(kLimit1, 29.0F), Set(kLimit1 + 1, -29.0F), Set(kScale1, -1.44269504088896341F);
    Set(kLimit2, 14.5F), Set(kLimit2 + 1, -14.5F), Set(kScale2, -2.88539008177792681F);
    Set(kShift, 12582912.0F);
    Set(kOne, 1.0F);
    // (2^r - 1) / r on [-0.5, 0.5], highest power first: relative error of 2^r 2e-7.
    constexpr float kCoefficients[] = {0.00133813025F, 0.00966636852F, 0.0555038101F, 0.24022349F,
                                       0.693147181F};
    for (size_t i = 0; i < kPowers; ++i) Set(kPolynomial + i, kCoefficients[i]);
  }

  static constexpr size_t kLimit1 = 0, kScale1 = 2, kLimit2 = 3, kScale2 = 5;
  static constexpr size_t kShift = 6, kOne = 7, kPolynomial = 8, kPowers = 5;

  HWY_INLINE hn::Vec<D> operator[](size_t i) const { return hn::Load(D(), values_[i]); }

 private:
  void Set(size_t i, float value) { hn::Store(hn::Set(D(), value), D(), values_[i]); }

  HWY_ALIGN float values_[kPolynomial + kPowers][hn::MaxLanes(D())];
};

// exp(x) = power + power * fraction, which keeps exp(x) - 1 exact where exp(x) is near one.
template <class D, size_t kVectors>
struct ExpParts {
  HWY_INLINE ExpParts() {}

  Bundle<D, kVectors> power;     // 2^n
  Bundle<D, kVectors> fraction;  // 2^r - 1 with |r| <= 0.5
};

// exp(-x) if kTwice is false, else exp(-2x).
template <bool kTwice, class D, size_t kVectors>
HWY_INLINE ExpParts<D, kVectors> Exp(const CellConstants<D>& constants, Bundle<D, kVectors> x) {
  using Constants = CellConstants<D>;
  constexpr size_t kLimit = kTwice ? Constants::kLimit2 : Constants::kLimit1;
  const hn::RebindToUnsigned<D> du;
  // In this order x86's minimum and maximum return the NaN.
  for (auto& v : x.v) v = hn::Min(constants[kLimit], v);
  for (auto& v : x.v) v = hn::Max(constants[kLimit + 1], v);
  // Adding 1.5 * 2^23 leaves the nearest integer in the low bits of the sum.
  const auto scale = constants[kTwice ? Constants::kScale2 : Constants::kScale1];
  Bundle<D, kVectors> shifted;
  for (size_t i = 0; i < kVectors; ++i) {
    shifted.v[i] = hn::MulAdd(x.v[i], scale, constants[Constants::kShift]);
  }
  ExpParts<D, kVectors> parts;
  for (size_t i = 0; i < kVectors; ++i) {
    const auto exponent = hn::ShiftLeft<23>(hn::BitCast(du, shifted.v[i]));
    parts.power.v[i] =
        hn::BitCast(D(), hn::Add(exponent, hn::BitCast(du, constants[Constants::kOne])));
  }
  Bundle<D, kVectors>& r = x;
  for (size_t i = 0; i < kVectors; ++i) {
    r.v[i] = hn::MulSub(x.v[i], scale, hn::Sub(shifted.v[i], constants[Constants::kShift]));
  }
  Bundle<D, kVectors>& q = parts.fraction;
  for (auto& v : q.v) v = constants[Constants::kPolynomial];
  for (size_t power = 1; power < Constants::kPowers; ++power) {
    for (size_t i = 0; i < kVectors; ++i) {
      q.v[i] = hn::MulAdd(q.v[i], r.v[i], constants[Constants::kPolynomial + power]);
    }
  }
  for (size_t i = 0; i < kVectors; ++i) q.v[i] = hn::Mul(q.v[i], r.v[i]);
  return parts;
}

// 1 + exp(-x), the denominator of sigmoid(x).
template <class D, size_t kVectors>
HWY_INLINE Bundle<D, kVectors> SigmoidDenominator(const CellConstants<D>& constants,
                                                  const Bundle<D, kVectors>& x) {
  const ExpParts<D, kVectors> e = Exp<false>(constants, x);
  Bundle<D, kVectors> result;
  for (size_t i = 0; i < kVectors; ++i) {
    const auto one = constants[CellConstants<D>::kOne];
    result.v[i] = hn::MulAdd(e.power.v[i], e.fraction.v[i], hn::Add(e.power.v[i], one));
  }
  return result;
}

template <class D, size_t kVectors>
struct Quotient {
  HWY_INLINE Quotient() {}

  Bundle<D, kVectors> numerator;
  Bundle<D, kVectors> denominator;
};

// tanh(x) = (1 - exp(-2x)) / (1 + exp(-2x)).
template <class D, size_t kVectors>
HWY_INLINE Quotient<D, kVectors> Tanh(const CellConstants<D>& constants,
                                      const Bundle<D, kVectors>& x) {
  const ExpParts<D, kVectors> e = Exp<true>(constants, x);
  Quotient<D, kVectors> result;
  for (size_t i = 0; i < kVectors; ++i) {
    const auto one = constants[CellConstants<D>::kOne];
    result.numerator.v[i] =
        hn::NegMulAdd(e.power.v[i], e.fraction.v[i], hn::Sub(one, e.power.v[i]));
    result.denominator.v[i] = hn::MulAdd(e.power.v[i], e.fraction.v[i], hn::Add(one, e.power.v[i]));
  }
  return result;
}

// The update in phases of about the same length, to be run in this order, so that they can be
// spread over other work: the processor would wait for their long chain of operations else.
inline constexpr size_t kCellPhases = 5;
template <class D, size_t kVectors>
class CellUpdate {
 public:
  using Values = Bundle<D, kVectors>;
  using Constants = CellConstants<D>;

  HWY_INLINE CellUpdate() {}

  HWY_INLINE void Candidate(const Constants& constants, const Values& g) {
    added_ = Tanh(constants, g);
  }
  HWY_INLINE void Input(const Constants& constants, const Values& i) {
    const Values input = SigmoidDenominator(constants, i);
    for (size_t v = 0; v < kVectors; ++v) {
      added_.denominator.v[v] = hn::Mul(added_.denominator.v[v], input.v[v]);
    }
  }
  // Returns the new cell state.
  HWY_INLINE Values Forget(const Constants& constants, const Values& f, const Values& cell) {
    const Values forget = SigmoidDenominator(constants, f);
    for (size_t v = 0; v < kVectors; ++v) {
      const auto sum = hn::MulAdd(cell.v[v], added_.denominator.v[v],
                                  hn::Mul(added_.numerator.v[v], forget.v[v]));
      cell_.v[v] = hn::Div(sum, hn::Mul(added_.denominator.v[v], forget.v[v]));
    }
    return cell_;
  }
  HWY_INLINE void Output(const Constants& constants, const Values& o) {
    output_ = SigmoidDenominator(constants, o);
  }
  // Returns the new hidden state.
  HWY_INLINE Values Hidden(const Constants& constants) const {
    const Quotient<D, kVectors> state = Tanh(constants, cell_);
    Values hidden;
    for (size_t v = 0; v < kVectors; ++v) {
      hidden.v[v] = hn::Div(state.numerator.v[v], hn::Mul(output_.v[v], state.denominator.v[v]));
    }
    return hidden;
  }

 private:
  Quotient<D, kVectors> added_;  // sigmoid(i) * tanh(g)
  Values cell_;
  Values output_;
};

}  // namespace auspex::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // AUSPEX_MODEL_ENGINE_LSTM_CELL_INL_H_
