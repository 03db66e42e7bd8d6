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

#include <type_traits>
#include <utility>

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
    // 1.5 * 2^23 and the bias of a float's exponent.
    Set(kShift, 12582912.0F + 127.0F);
    Set(kOne, 1.0F), Set(kTwo, 2.0F);
    // (2^r - 1) / r on [-0.5, 0.5], highest power first: relative error of 2^r 2e-7.
    constexpr float kCoefficients[] = {0.00133813025F, 0.00966636852F, 0.0555038101F, 0.24022349F,
                                       0.693147181F};
    for (size_t i = 0; i < kPowers; ++i) Set(kPolynomial + i, kCoefficients[i]);
  }

  static constexpr size_t kLimit1 = 0, kScale1 = 2, kLimit2 = 3, kScale2 = 5;
  static constexpr size_t kShift = 6, kOne = 7, kTwo = 8, kPolynomial = 9, kPowers = 5;

  HWY_INLINE hn::Vec<D> operator[](size_t i) const { return hn::Load(D(), values_[i]); }

 private:
  void Set(size_t i, float value) { hn::Store(hn::Set(D(), value), D(), values_[i]); }

  HWY_ALIGN float values_[kPolynomial + kPowers][hn::MaxLanes(D())];
};

template <class D, size_t kVectors>
struct Quotient {
  HWY_INLINE Quotient() {}

  Bundle<D, kVectors> numerator;
  Bundle<D, kVectors> denominator;
};

// A function of exp(-x) or exp(-2x) in three stages of about the same length: Reduce(),
// Approximate(), then one of the functions.
inline constexpr size_t kExpStages = 3;
template <class D, size_t kVectors>
class ExpStages {
 public:
  using Values = Bundle<D, kVectors>;
  using Constants = CellConstants<D>;

  HWY_INLINE ExpStages() {}

  // exp(-x) if kTwice is false, else exp(-2x), is 2^n * 2^r with |r| <= 0.5.
  template <bool kTwice>
  HWY_INLINE void Reduce(const Constants& constants, Values x) {
    constexpr size_t kLimit = kTwice ? Constants::kLimit2 : Constants::kLimit1;
    const hn::RebindToUnsigned<D> du;
    // In this order x86's minimum and maximum return the NaN.
    for (auto& v : x.v) v = hn::Min(constants[kLimit], v);
    for (auto& v : x.v) v = hn::Max(constants[kLimit + 1], v);
    const auto scale = constants[kTwice ? Constants::kScale2 : Constants::kScale1];
    for (size_t i = 0; i < kVectors; ++i) {
      // The sum has the nearest integer, biased, in its low bits: the exponent of 2^n.
      const auto shifted = hn::MulAdd(x.v[i], scale, constants[Constants::kShift]);
      power_.v[i] = hn::BitCast(D(), hn::ShiftLeft<23>(hn::BitCast(du, shifted)));
      r_.v[i] = hn::MulSub(x.v[i], scale, hn::Sub(shifted, constants[Constants::kShift]));
    }
  }

  // All but the last term of (2^r - 1) / r.
  HWY_INLINE void Approximate(const Constants& constants) {
    for (auto& v : q_.v) v = constants[Constants::kPolynomial];
    for (size_t power = 1; power + 1 < Constants::kPowers; ++power) AddPower(constants, power);
  }

  // 1 + exp(-x), the denominator of sigmoid(x).
  HWY_INLINE Values OnePlusExp(const Constants& constants) {
    AddPower(constants, Constants::kPowers - 1);
    const auto one = constants[Constants::kOne];
    Values result;
    for (size_t i = 0; i < kVectors; ++i) {
      result.v[i] = hn::MulAdd(power_.v[i], hn::MulAdd(q_.v[i], r_.v[i], one), one);
    }
    return result;
  }

  // tanh(x) = (1 - exp(-2x)) / (1 + exp(-2x)). 2^r - 1 keeps the numerator exact where exp is near
  // one.
  HWY_INLINE Quotient<D, kVectors> Tanh(const Constants& constants) {
    AddPower(constants, Constants::kPowers - 1);
    Quotient<D, kVectors> result;
    for (size_t i = 0; i < kVectors; ++i) {
      const auto fraction = hn::Mul(q_.v[i], r_.v[i]);
      const auto rest = hn::Sub(constants[Constants::kOne], power_.v[i]);
      result.numerator.v[i] = hn::NegMulAdd(power_.v[i], fraction, rest);
      result.denominator.v[i] = hn::Sub(constants[Constants::kTwo], result.numerator.v[i]);
    }
    return result;
  }

 private:
  HWY_INLINE void AddPower(const Constants& constants, size_t power) {
    const auto coefficient = constants[Constants::kPolynomial + power];
    for (size_t i = 0; i < kVectors; ++i) q_.v[i] = hn::MulAdd(q_.v[i], r_.v[i], coefficient);
  }

  Values power_;  // 2^n
  Values r_;
  Values q_;  // (2^r - 1) / r, as far as it has come
};

// 1 + exp(-x), the denominator of sigmoid(x).
template <class D, size_t kVectors>
HWY_INLINE Bundle<D, kVectors> SigmoidDenominator(const CellConstants<D>& constants,
                                                  const Bundle<D, kVectors>& x) {
  ExpStages<D, kVectors> exp;
  exp.template Reduce<false>(constants, x);
  exp.Approximate(constants);
  return exp.OnePlusExp(constants);
}

template <class D, size_t kVectors>
HWY_INLINE Quotient<D, kVectors> Tanh(const CellConstants<D>& constants,
                                      const Bundle<D, kVectors>& x) {
  ExpStages<D, kVectors> exp;
  exp.template Reduce<true>(constants, x);
  exp.Approximate(constants);
  return exp.Tanh(constants);
}

// What an update reads and writes: the same number of vectors, aligned, at each place. Borrows
// them.
struct CellRows {
  const float* sums;  // of the gates i, f, g, o
  size_t stride;      // floats from one gate's sums to the next
  float* cell;        // the cell state, replaced by the new one
  float* hidden;      // where the new hidden state goes
};

// The update in phases of about the same length: RunPhases() runs them.
inline constexpr size_t kCellPhases = 5 * kExpStages;
template <class D, size_t kVectors>
class CellUpdate {
 public:
  using Values = Bundle<D, kVectors>;
  using Constants = CellConstants<D>;

  HWY_INLINE CellUpdate() {}

  // REQUIRES: all phases before kPhase have run, on the same rows.
  template <size_t kPhase>
  HWY_INLINE void Run(const Constants& constants, const CellRows& rows) {
    constexpr auto kTerm = static_cast<Term>(kPhase / kExpStages);
    constexpr size_t kStage = kPhase % kExpStages;
    constexpr bool kTwice = kTerm == kCandidate || kTerm == kHidden;
    if constexpr (kStage == 0) exp_.template Reduce<kTwice>(constants, Argument<kTerm>(rows));
    if constexpr (kStage == 1) exp_.Approximate(constants);
    if constexpr (kStage == 2) Use<kTerm>(constants, rows);
  }

 private:
  // What an exponential is for, in the order of the phases.
  enum Term { kCandidate, kInput, kForget, kOutput, kHidden };

  HWY_INLINE static Values LoadValues(const float* from) {
    Values values;
    for (size_t v = 0; v < kVectors; ++v) values.v[v] = hn::Load(D(), from + v * hn::Lanes(D()));
    return values;
  }
  HWY_INLINE static void StoreValues(const Values& values, float* to) {
    for (size_t v = 0; v < kVectors; ++v) hn::Store(values.v[v], D(), to + v * hn::Lanes(D()));
  }

  template <Term kTerm>
  HWY_INLINE Values Argument(const CellRows& rows) const {
    if constexpr (kTerm == kHidden) {
      return cell_;
    } else {
      constexpr size_t kGates[] = {2, 0, 1, 3};  // g, i, f, o
      return LoadValues(rows.sums + kGates[kTerm] * rows.stride);
    }
  }

  template <Term kTerm>
  HWY_INLINE void Use(const Constants& constants, const CellRows& rows) {
    if constexpr (kTerm == kCandidate) added_ = exp_.Tanh(constants);
    if constexpr (kTerm == kInput) {
      const Values input = exp_.OnePlusExp(constants);
      for (size_t v = 0; v < kVectors; ++v) {
        added_.denominator.v[v] = hn::Mul(added_.denominator.v[v], input.v[v]);
      }
    }
    if constexpr (kTerm == kForget) {
      UpdateCell(exp_.OnePlusExp(constants), LoadValues(rows.cell));
      StoreValues(cell_, rows.cell);
    }
    if constexpr (kTerm == kOutput) output_ = exp_.OnePlusExp(constants);
    if constexpr (kTerm == kHidden) StoreValues(Hidden(exp_.Tanh(constants)), rows.hidden);
  }

  HWY_INLINE void UpdateCell(const Values& forget, const Values& before) {
    for (size_t v = 0; v < kVectors; ++v) {
      const auto sum = hn::MulAdd(before.v[v], added_.denominator.v[v],
                                  hn::Mul(added_.numerator.v[v], forget.v[v]));
      cell_.v[v] = hn::Div(sum, hn::Mul(added_.denominator.v[v], forget.v[v]));
    }
  }
  HWY_INLINE Values Hidden(const Quotient<D, kVectors>& state) const {
    Values hidden;
    for (size_t v = 0; v < kVectors; ++v) {
      hidden.v[v] = hn::Div(state.numerator.v[v], hn::Mul(output_.v[v], state.denominator.v[v]));
    }
    return hidden;
  }

  ExpStages<D, kVectors> exp_;
  Quotient<D, kVectors> added_;  // sigmoid(i) * tanh(g)
  Values cell_;                  // the new one
  Values output_;                // the denominator of sigmoid(o)
};

template <size_t kVectors, class D, class Between, size_t... kPhases>
HWY_INLINE void RunPhases(const CellConstants<D>& constants, const CellRows& rows,
                          const Between& between, std::index_sequence<kPhases...>) {
  CellUpdate<D, kVectors> update;
  ((between(std::integral_constant<size_t, kPhases>()),
    update.template Run<kPhases>(constants, rows)),
   ...);
}

// Updates kVectors vectors of cells. Runs between(phase) before every phase, which is a constant of
// the compiler: the processor would wait for the update's long chain of operations if there were
// nothing else to do meanwhile.
template <size_t kVectors, class D, class Between>
HWY_INLINE void RunPhases(const CellConstants<D>& constants, const CellRows& rows,
                          const Between& between) {
  RunPhases<kVectors>(constants, rows, between, std::make_index_sequence<kCellPhases>());
}

}  // namespace auspex::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // AUSPEX_MODEL_ENGINE_LSTM_CELL_INL_H_
