// From a context of values to the inputs of the network: the only feature code, used by training
// and by serving.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "model/spec/model_spec.h"

namespace auspex::model {

// A series prepared for features: forward-filled values and prefix sums. Built once per series
// (training) or per context (serving); windows on it are cheap.
class SeriesIndex {
 public:
  // `values` are steps, oldest first, NaN = missing; index i is at first_ms + i * spec.step_ms.
  SeriesIndex(const ModelSpec& spec, std::span<const float> values, int64_t first_ms);
  ~SeriesIndex();
  SeriesIndex(SeriesIndex&&) noexcept;
  SeriesIndex& operator=(SeriesIndex&&) noexcept;

  int size() const;
  // The raw value (NaN = missing) at index i.
  float raw(int i) const;

 private:
  friend class FeatureBuilder;
  struct Data;
  std::unique_ptr<Data> data_;
};

// Inputs of one window. Sizes follow the spec; buffers are reused between calls.
struct WindowFeatures {
  double level = 0;  // centre and scale of the window: z = (value - level) / scale
  double scale = 1;
  double last = 0;       // newest value, forward filled
  bool non_negative = false;  // no value of the context is below zero
  bool steplike = false;      // most one-step changes of the last week are zero ("snap")
  std::vector<float> window;   // [kWindowFeatures]
  std::vector<float> patches;  // [patches][patch_inputs], oldest first
};

// Inputs of some targets of a window, in units of z.
struct TargetFeatures {
  std::vector<float> candidates;  // [targets][kCandidates]
  std::vector<float> features;    // [targets][kTargetFeatures]
};

// Indices into the candidates.
inline constexpr int kCandidateLast = 0;
inline constexpr int kCandidateSeasonalNaive = 4;  // same time yesterday, raw

// Stateless but for scratch memory: one per thread.
class FeatureBuilder {
 public:
  explicit FeatureBuilder(const ModelSpec& spec);
  ~FeatureBuilder();

  // Features of the window whose newest step is index `origin` of `series`; steps older than
  // spec.context_steps before it are not read, whether the series has them or not. False when the
  // window holds no value at all.
  bool Window(const SeriesIndex& series, int origin, WindowFeatures* out);
  // Features of targets k (1..horizon_steps each) of that window. REQUIRES: Window() before, with
  // the same series and origin, gave `window`.
  void Targets(const SeriesIndex& series, int origin, const WindowFeatures& window,
               std::span<const int> k, TargetFeatures* out);

 private:
  struct Scratch;
  ModelSpec spec_;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace auspex::model
