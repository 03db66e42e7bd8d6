#include "model/engine/simd_head.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "model/engine/output_head.h"

// Arrays of vectors, which vectors of unknown size do not allow.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/engine/simd_head.cc"
#include "hwy/foreach_target.h"  // Includes this file once per instruction set.
#include "hwy/highway.h"
#include "hwy/contrib/math/math-inl.h"
#include "model/engine/logit-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace auspex::model::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using Vector = hn::Vec<Floats>;
constexpr size_t kLanesMax = 16;

HWY_INLINE Vector All(float value) { return hn::Set(Floats(), value); }

HWY_INLINE Vector Sigmoid(Vector x) { return SigmoidOf(Floats(), x, ExpOfMinusAbs(Floats(), x)); }

HWY_INLINE Vector Softplus(Vector x) { return SoftplusOf(Floats(), x, ExpOfMinusAbs(Floats(), x)); }

// Values of a vector's targets, a row per value.
template <size_t kRows>
struct Columns {
  // From rows of `stride` floats per target; the last target fills the lanes that have none.
  void Read(const float* from, size_t stride, size_t count, size_t rows) {
    for (size_t lane = 0; lane < hn::Lanes(Floats()); ++lane) {
      const float* const row = from + std::min(lane, count - 1) * stride;
      for (size_t i = 0; i < rows; ++i) values[i][lane] = row[i];
    }
  }
  HWY_INLINE Vector operator[](size_t row) const { return hn::Load(Floats(), values[row]); }

  HWY_ALIGN float values[kRows][kLanesMax];
};

// The median's distance from the last value: candidates enter as theirs, so that they keep their
// digits however far from zero all of them lie.
HWY_INLINE Vector MedianFromLast(float tau, const float* logs, Vector long_share,
                                 const Columns<kCandidates>& candidates,
                                 const Columns<kOutputSpreads + kLevelsMax>& outputs) {
  const Floats d;
  Vector weights[kCandidates];
  Vector highest = All(-hwy::HighestValue<float>());
  for (size_t j = 0; j < kCandidates; ++j) {
    const Vector log = hn::MulAdd(long_share, All(logs[kCandidates + j] - logs[j]), All(logs[j]));
    weights[j] = hn::NegMulAdd(All(tau), log, outputs[j]);
    highest = hn::Max(highest, weights[j]);
  }
  const Vector last = candidates[kCandidateLast];
  Vector sum = All(0);
  Vector blend = All(0);
  for (size_t j = 0; j < kCandidates; ++j) {
    const Vector weight = hn::Exp(d, hn::Sub(weights[j], highest));
    sum = hn::Add(sum, weight);
    blend = hn::MulAdd(weight, hn::Sub(candidates[j], last), blend);
  }
  return hn::MulAdd(outputs[kOutputCorrection], Sigmoid(outputs[kOutputGate]), hn::Div(blend, sum));
}

// `count` targets from the first of `inputs`, no more than a vector has lanes.
void OneVector(const HostModel& model, const float* logs, const float* long_share,
               const float* candidate_rows, const float* output_rows, size_t stride, size_t count,
               double* quantiles) {
  const ModelSpec& spec = model.network_spec();
  const size_t levels = spec.quantiles.size();
  const auto median = static_cast<size_t>(spec.median_index());
  Columns<kCandidates> candidates;
  Columns<kOutputSpreads + kLevelsMax> outputs;
  Columns<1> share;
  candidates.Read(candidate_rows, kCandidates, count, kCandidates);
  outputs.Read(output_rows, stride, count, kOutputSpreads + levels - 1);
  share.Read(long_share, 1, count, 1);

  Columns<kLevelsMax> from_last;
  const auto store = [](Vector value, float* to) HWY_ATTR { hn::Store(value, Floats(), to); };
  const Vector middle = MedianFromLast(model.tau(), logs, share[0], candidates, outputs);
  store(middle, from_last.values[median]);
  Vector quantile = middle;
  for (size_t i = median; i > 0; --i) {
    quantile = hn::Sub(quantile, Softplus(outputs[kOutputSpreads + i - 1]));
    store(quantile, from_last.values[i - 1]);
  }
  quantile = middle;
  for (size_t i = median + 1; i < levels; ++i) {
    quantile = hn::Add(quantile, Softplus(outputs[kOutputSpreads + i - 1]));
    store(quantile, from_last.values[i]);
  }
  Columns<2> chances;
  const Vector below = outputs[kOutputBelow];
  store(Sigmoid(below), chances.values[0]);
  store(Sigmoid(hn::Add(below, Softplus(outputs[kOutputStay]))), chances.values[1]);

  for (size_t t = 0; t < count; ++t, quantiles += levels) {
    const double last = candidates.values[kCandidateLast][t];
    for (size_t i = 0; i < levels; ++i) quantiles[i] = last + from_last.values[i][t];
    PutAtLast(last, chances.values[0][t], chances.values[1][t], spec.quantiles,
              {quantiles, levels});
  }
}

void AllTargets(const HostModel& model, const HeadInputs& inputs, size_t stride,
                double* quantiles) {
  const size_t lanes = hn::Lanes(Floats());
  const size_t levels = model.network_spec().quantiles.size();
  const float* const logs = inputs.window.window.data() + kShapeFeatures;
  for (size_t t = 0; t < inputs.long_share.size(); t += lanes) {
    OneVector(model, logs, &inputs.long_share[t], &inputs.targets.candidates[t * kCandidates],
              &inputs.outputs[t * stride], stride, std::min(lanes, inputs.long_share.size() - t),
              quantiles + t * levels);
  }
}

}  // namespace auspex::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace auspex::model {

HWY_EXPORT(AllTargets);

void SimdHead(const HostModel& model, const HeadInputs& inputs, size_t stride,
              std::span<double> quantiles) {
  HWY_DYNAMIC_DISPATCH(AllTargets)(model, inputs, stride, quantiles.data());
}

}  // namespace auspex::model
#endif  // HWY_ONCE
