// Series for the tests of this folder.
#pragma once

#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include "model/train/example_pool.h"
#include "model/train/series_split.h"
#include "model/train/train.h"

namespace auspex::model {

inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Hourly steps, a day ahead, two weeks of context: small enough to train within a second.
inline ModelSpec HourlySpec() {
  ModelSpec spec;
  spec.hidden = 4;
  spec.decoder_width = 16;
  spec.step_ms = 3'600'000;
  spec.horizon_steps = 24;
  spec.context_steps = 24 * 7;
  return spec;
}

// A day wave with noise, around zero, so that nothing is cut at zero.
inline std::vector<float> DayWave(int steps, uint64_t seed, double noise = 0.3) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, noise);
  const double phase = static_cast<double>(seed % 24);
  std::vector<float> values;
  for (int i = 0; i < steps; ++i) {
    const double wave = std::sin(2 * 3.14159265 * (i + phase) / 24);
    values.push_back(static_cast<float>(2 * wave + normal(random)));
  }
  return values;
}

// Examples from one part of the split of a series, 32 targets a window.
inline ExamplePool DrawPart(const ModelSpec& spec, const std::vector<float>& values,
                            OriginRange SeriesSplit::*part, int windows) {
  const PoolSeries series{
      .values = values, .first_ms = 0, .range = SplitSeries(spec, values).*part};
  return DrawExamples(spec, {&series, 1}, {.windows = windows, .targets_per_window = 32},
                      SerialFor(), [] { return false; });
}

inline TrainJob WaveJob(int aggregates, int steps) {
  TrainJob job;
  job.spec = HourlySpec();
  job.seed = 7;
  for (int i = 0; i < aggregates; ++i) {
    job.series.push_back({.aggregate = static_cast<uint32_t>(i + 1),
                          .first_ms = 1'700'000'000'000 / job.spec.step_ms * job.spec.step_ms,
                          .values = DayWave(steps, static_cast<uint64_t>(i))});
  }
  return job;
}

// Two threads.
inline ParallelFor TwoThreads() {
  return [](size_t n, const std::function<void(size_t)>& body) {
    std::atomic<size_t> next{0};
    const auto work = [&] {
      for (size_t i = next++; i < n; i = next++) body(i);
    };
    std::jthread other(work);
    work();
  };
}

}  // namespace auspex::model
