#include "model/train/head_loss.h"

#include <cstddef>

#include "model/features/features.h"

// Arrays of vectors, which vectors of unknown size do not allow.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/train/head_loss.cc"
#include "hwy/foreach_target.h"  // Includes this file once per instruction set.
#include "hwy/highway.h"
#include "hwy/contrib/math/math-inl.h"
#include "model/engine/logit-inl.h"
#include "model/train/planes-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace auspex::model::HWY_NAMESPACE {

// How much the chances of "no change" count beside the quantiles, and what counts as none,
// relative.
constexpr float kStayWeight = 0.2F;
constexpr float kStayMargin = 1e-6F;

HWY_INLINE Vector All(float value) { return hn::Set(Floats(), value); }

// What a logit x stands for.
struct Logit {
  HWY_INLINE Logit(Vector chance, Vector log) : sigmoid(chance), softplus(log) {}

  Vector sigmoid;   // 1 / (1 + exp(-x))
  Vector softplus;  // log(1 + exp(x))
};

HWY_INLINE Vector Sigmoid(Vector x) { return SigmoidOf(Floats(), x, ExpOfMinusAbs(Floats(), x)); }

HWY_INLINE Logit Read(Vector x) {
  const Vector e = ExpOfMinusAbs(Floats(), x);
  return {SigmoidOf(Floats(), x, e), SoftplusOf(Floats(), x, e)};
}

// A vector of targets of one window, from column `column` on.
template <class Lanes>
class Targets {
 public:
  HWY_INLINE Targets(const HeadBatch& batch, size_t window, size_t column, const Lanes& lanes)
      : lanes_(lanes),
        logs_(&batch.backtest_logs[window * kBacktestLogs]),
        candidates_(batch.candidates.From(column)),
        long_share_(Load(&batch.long_share[column])) {
    const Vector z = Load(&batch.z[column]);
    const auto there = hn::Eq(z, z);
    z_ = hn::IfThenElseZero(there, z);
    share_ = lanes_.Examples(hn::IfThenElseZero(there, All(batch.weight[window])));
  }

  HWY_INLINE Vector Load(const float* from) const { return lanes_.Load(from); }
  HWY_INLINE void Store(Vector value, float* to) const { lanes_.Store(value, to); }

  HWY_INLINE Vector z() const { return z_; }
  // The weight of the target in the loss: zero where it is missing.
  HWY_INLINE Vector share() const { return share_; }
  HWY_INLINE Vector Candidate(size_t j) const { return Load(candidates_.Row(j)); }
  HWY_INLINE Vector Log(size_t j) const {
    return hn::MulAdd(long_share_, All(logs_[kCandidates + j] - logs_[j]), All(logs_[j]));
  }

 private:
  const Lanes lanes_;
  const float* const logs_;
  const ConstPlane candidates_;
  const Vector long_share_;
  Vector z_, share_;
};

struct Levels {
  std::span<const float> levels;
  size_t median;
};

// Pinball loss of all levels; `slope` becomes that of the median.
template <class Lanes>
HWY_INLINE Vector Quantiles(const Levels& levels, const Targets<Lanes>& targets, Vector median,
                            ConstPlane outputs, Plane gradient, Vector* slope) {
  const size_t count = levels.levels.size();
  Vector loss = All(0);
  *slope = All(0);
  Vector slopes[kLevelsMax];
  Vector sigmoids[kLevelsMax];
  const auto add = [&](size_t level, Vector quantile) HWY_ATTR {
    const float q = levels.levels[level];
    const Vector error = hn::Sub(targets.z(), quantile);
    slopes[level] = hn::IfThenElse(hn::Gt(error, All(0)), All(-q), All(1 - q));
    loss = hn::NegMulAdd(slopes[level], error, loss);
    *slope = hn::Add(*slope, slopes[level]);
  };
  const auto spread = [&](size_t i) HWY_ATTR {
    const Logit logit = Read(targets.Load(outputs.Row(kOutputSpreads + i)));
    sigmoids[i] = logit.sigmoid;
    return logit.softplus;
  };
  // Outwards from the median on both sides; a spread moves every level beyond it.
  add(levels.median, median);
  Vector quantile = median;
  for (size_t i = levels.median; i-- > 0;) add(i, quantile = hn::Sub(quantile, spread(i)));
  quantile = median;
  for (size_t i = levels.median + 1; i < count; ++i) {
    add(i, quantile = hn::Add(quantile, spread(i - 1)));
  }
  const auto store = [&](size_t i, Vector beyond) HWY_ATTR {
    targets.Store(hn::Mul(hn::Mul(targets.share(), beyond), sigmoids[i]),
                  gradient.Row(kOutputSpreads + i));
  };
  Vector beyond = All(0);
  for (size_t i = 0; i < levels.median; ++i) store(i, hn::Neg(beyond = hn::Add(beyond, slopes[i])));
  beyond = All(0);
  for (size_t i = count; i-- > levels.median + 1;) {
    store(i - 1, beyond = hn::Add(beyond, slopes[i]));
  }
  *slope = hn::Mul(*slope, targets.share());
  return loss;
}

// Cross entropy of the two chances around the last value.
template <class Lanes>
HWY_INLINE Vector Stay(const Targets<Lanes>& targets, ConstPlane outputs, Plane gradient) {
  const Vector last = targets.Candidate(kCandidateLast);
  const Vector margin = hn::Mul(All(kStayMargin), hn::Add(All(1), hn::Abs(last)));
  const Vector x_below = targets.Load(outputs.Row(kOutputBelow));
  const Logit stay = Read(targets.Load(outputs.Row(kOutputStay)));
  const Vector x_up_to = hn::Add(x_below, stay.softplus);
  const Logit below = Read(x_below);
  const Logit up_to = Read(x_up_to);
  // The entropy of a chance is softplus(x), or softplus(-x) = softplus(x) - x where it happened.
  const auto is_below = hn::Lt(targets.z(), hn::Sub(last, margin));
  const auto is_up_to = hn::Le(targets.z(), hn::Add(last, margin));
  const Vector one = All(1);
  const Vector below_slope = hn::Sub(below.sigmoid, hn::IfThenElseZero(is_below, one));
  const Vector up_to_slope = hn::Sub(up_to.sigmoid, hn::IfThenElseZero(is_up_to, one));
  const Vector share = hn::Mul(All(kStayWeight), targets.share());
  targets.Store(hn::Mul(share, hn::Add(below_slope, up_to_slope)), gradient.Row(kOutputBelow));
  targets.Store(hn::Mul(hn::Mul(share, up_to_slope), stay.sigmoid), gradient.Row(kOutputStay));
  const Vector entropy = hn::Add(hn::Sub(below.softplus, hn::IfThenElseZero(is_below, x_below)),
                                 hn::Sub(up_to.softplus, hn::IfThenElseZero(is_up_to, x_up_to)));
  return hn::Mul(All(kStayWeight), entropy);
}

// Loss of a vector of targets, weighted; adds to the slope of tau.
template <class Lanes>
HWY_INLINE Vector OfTargets(const Levels& levels, const Targets<Lanes>& targets, ConstPlane outputs,
                            float tau, Plane gradient, Vector* tau_slope) {
  const Floats d;
  Vector weights[kCandidates];
  Vector highest = All(-hwy::HighestValue<float>());
  for (size_t j = 0; j < kCandidates; ++j) {
    weights[j] = hn::NegMulAdd(All(tau), targets.Log(j), targets.Load(outputs.Row(j)));
    highest = hn::Max(highest, weights[j]);
  }
  Vector sum = All(0);
  Vector blend = All(0);
  for (size_t j = 0; j < kCandidates; ++j) {
    weights[j] = hn::Exp(d, hn::Sub(weights[j], highest));
    sum = hn::Add(sum, weights[j]);
    blend = hn::MulAdd(weights[j], targets.Candidate(j), blend);
  }
  const Vector inverse = hn::Div(All(1), sum);
  blend = hn::Mul(blend, inverse);
  const Vector gate = Sigmoid(targets.Load(outputs.Row(kOutputGate)));
  const Vector correction = targets.Load(outputs.Row(kOutputCorrection));

  Vector slope;
  const Vector loss =
      Quantiles(levels, targets, hn::MulAdd(correction, gate, blend), outputs, gradient, &slope);
  targets.Store(hn::Mul(slope, gate), gradient.Row(kOutputCorrection));
  targets.Store(hn::Mul(hn::Mul(slope, correction), hn::Mul(gate, hn::Sub(All(1), gate))),
                gradient.Row(kOutputGate));
  const Vector by_weight = hn::Mul(slope, inverse);
  for (size_t j = 0; j < kCandidates; ++j) {
    const Vector by_logit =
        hn::Mul(hn::Mul(by_weight, weights[j]), hn::Sub(targets.Candidate(j), blend));
    targets.Store(by_logit, gradient.Row(j));
    *tau_slope = hn::NegMulAdd(by_logit, targets.Log(j), *tau_slope);
  }
  return hn::Mul(targets.share(), hn::Add(loss, Stay(targets, outputs, gradient)));
}

// In double precision: the losses of many targets are added.
HWY_INLINE double Sum(Vector values) {
  HWY_ALIGN float lanes[hn::MaxLanes(Floats())];
  hn::Store(values, Floats(), lanes);
  double sum = 0;
  for (size_t i = 0; i < hn::Lanes(Floats()); ++i) sum += lanes[i];
  return sum;
}

double OfBatch(std::span<const float> all_levels, size_t median, const HeadBatch& batch,
               ConstPlane outputs, float tau, Plane gradient, float* tau_gradient) {
  const Levels levels{all_levels, median};
  const size_t targets = batch.z.size() / batch.weight.size();
  double loss = 0;
  double tau_sum = 0;
  for (size_t window = 0; window < batch.weight.size(); ++window) {
    const size_t begin = window * targets;
    Vector tau_slope = All(0);
    ForEachVector(targets, [&](size_t first, const auto& lanes) HWY_ATTR {
      const size_t column = begin + first;
      const Targets vector(batch, window, column, lanes);
      loss += Sum(
          OfTargets(levels, vector, outputs.From(column), tau, gradient.From(column), &tau_slope));
    });
    tau_sum += Sum(tau_slope);
  }
  *tau_gradient = static_cast<float>(tau_sum);
  return loss;
}

}  // namespace auspex::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace auspex::model {

HWY_EXPORT(OfBatch);

HeadLoss::HeadLoss(const ModelSpec& spec)
    : levels_(spec.quantiles.begin(), spec.quantiles.end()),
      median_(static_cast<size_t>(spec.median_index())) {}

double HeadLoss::Compute(const HeadBatch& batch, ConstPlane outputs, float tau, Plane gradient,
                         float* tau_gradient) const {
  return HWY_DYNAMIC_DISPATCH(OfBatch)(levels_, median_, batch, outputs, tau, gradient,
                                       tau_gradient);
}

}  // namespace auspex::model
#endif  // HWY_ONCE
