// From a context of values to the inputs of the network: the only feature code, used by training
// and by serving. docs/model.md says what the inputs are and why.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "model/spec/model_spec.h"

namespace auspex::model {

// A series prepared for features, with its covariates: forward-filled values, and where they were
// observed. Built once per series (training) or per context (serving). About 4 bytes per step, and
// as much for each covariate.
class SeriesIndex {
 public:
  // `values` are steps, oldest first; index i is at first_ms + i * spec.step_ms. `covariates` is
  // [spec.covariates][values.size()], of the same times. What is not finite is missing. All is
  // copied.
  SeriesIndex(const ModelSpec& spec, std::span<const float> values, int64_t first_ms,
              std::span<const float> covariates = {});

  // Another series of the same spec in this one's memory: does not allocate when it is not longer.
  void Assign(std::span<const float> values, int64_t first_ms,
              std::span<const float> covariates = {});

  int size() const { return static_cast<int>(filled_.size()); }
  int64_t time_ms(int i) const { return first_ms_ + i * step_ms_; }
  // The raw value (NaN = missing) at index i.
  float raw(int i) const;
  bool observed(int i) const;

  // Indices below are 0 <= i < size(), ranges 0 <= begin <= end <= size().
  // The newest value at or before i. REQUIRES: there is one.
  float filled(int i) const { return filled_[static_cast<size_t>(i)]; }
  // All of them; 0 before the first value.
  std::span<const float> filled() const { return filled_; }
  // Sum of the filled values of [begin, end), and of nothing else: adding a few thousand floats is
  // cheaper than to keep prefix sums in which a spike leaves no rounding error.
  // REQUIRES: a value at or before `begin`.
  double Sum(int begin, int end) const;
  int ObservedCount(int begin, int end) const;
  // First index in [begin, end) that has a value; `end` when none has.
  int FirstObserved(int begin, int end) const;

  // In the spec's order; as long as this one.
  const std::vector<SeriesIndex>& covariates() const { return covariates_; }

 private:
  explicit SeriesIndex(int64_t step_ms) : step_ms_(step_ms) {}
  void Fill(std::span<const float> values, int64_t first_ms);

  int64_t step_ms_;
  int64_t first_ms_ = 0;
  std::vector<float> filled_;       // 0 before the first value
  std::vector<uint64_t> observed_;  // a bit per step
  std::vector<SeriesIndex> covariates_;
};

// Limit of |z| for candidates, so that no later sum overflows. Nothing meaningful is this far out:
// it is a guard, not a clip.
inline constexpr double kZMax = 1e15;

// Inputs of one window. Sizes follow the spec; buffers are reused between calls. All finite.
struct WindowFeatures {
  double level = 0;  // centre and scale of the window: z = (value - level) / scale; scale > 0
  double scale = 1;
  double last = 0;            // newest value, forward filled
  bool non_negative = false;  // no value of the context is below zero
  // [window_features]: kShapeFeatures of the shape, then kBacktestLogs: per candidate the log of
  // its recent error relative to the best candidate's, 0..4, at short and then at long leads; then
  // each covariate's (covariate.h), and the share of the last seven days that were special.
  std::vector<float> window;
  std::vector<float> patches;  // [patches][patch_inputs], oldest first; asinh of z
};

// Inputs of some targets of a window.
struct TargetFeatures {
  std::vector<float> candidates;  // [targets][kCandidates], z, not compressed: |z| <= kZMax
  std::vector<float> features;    // [targets][target_features]
};

// How much of the backtest logs of long leads counts for a target that far ahead (in horizons):
// nothing up to a twenty-fourth, all from half a horizon on.
inline float LongLeadShare(float horizons) {
  return std::clamp(std::log(24 * horizons) / std::log(12.0F), 0.0F, 1.0F);
}

// Stateless but for scratch memory: one per thread.
class FeatureBuilder {
 public:
  // REQUIRES: spec.Validate() is OK, and its features_version the present one: there are no others.
  explicit FeatureBuilder(const ModelSpec& spec);
  ~FeatureBuilder();
  FeatureBuilder(FeatureBuilder&&) noexcept;
  FeatureBuilder& operator=(FeatureBuilder&&) noexcept;

  // Features of the window whose newest step is index `origin` of `series`; steps older than
  // spec.context_steps before it, and steps after it, are not read, whether the series has them or
  // not. False when the window holds no value at all.
  bool Window(const SeriesIndex& series, int origin, WindowFeatures* out);
  // Features of targets k (1..horizon_steps each) of that window. REQUIRES: the latest call of
  // Window() was with the same series and origin, answered true and gave `window`.
  void Targets(const SeriesIndex& series, int origin, const WindowFeatures& window,
               std::span<const int> k, TargetFeatures* out);

 private:
  struct Scratch;
  ModelSpec spec_;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace auspex::model
