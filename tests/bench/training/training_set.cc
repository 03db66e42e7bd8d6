#include "tests/bench/training/training_set.h"

#include <cmath>
#include <numbers>
#include <random>
#include <span>

#include "model/engine/engine.h"
#include "model/spec/weights.h"
#include "model/train/series_split.h"

namespace auspex {
namespace {

constexpr double kLearningRate = 7e-4;  // of fine-tuning, as in model/train/train.cc
constexpr model::PoolOptions kPool{.windows = 256, .targets_per_window = 64};
constexpr int kDays = 28;
constexpr int64_t kFirstMs = 1'712'345'600'000;

std::vector<float> History(const model::ModelSpec& spec, uint32_t seed) {
  std::minstd_rand random(seed + 1);
  std::normal_distribution<double> normal;
  const double day = spec.season_steps();
  const double level = 100 + 10 * normal(random), height = 20 + 5 * normal(random);
  const double phase = normal(random);
  double drift = 0;
  std::vector<float> values;
  for (int i = 0; i < kDays * spec.season_steps(); ++i) {
    drift = 0.98 * drift + normal(random);
    const double wave = std::sin(2 * std::numbers::pi * i / day + phase);
    values.push_back(static_cast<float>(level + height * wave + drift));
  }
  return values;
}

model::ExamplePool Draw(const model::ModelSpec& spec, uint32_t seed) {
  const std::vector<float> values = History(spec, seed);
  const model::PoolSeries series{.values = values,
                                 .first_ms = kFirstMs / spec.step_ms * spec.step_ms,
                                 .range = model::SplitSeries(spec, values).all};
  model::PoolOptions options = kPool;
  options.seed = seed;
  return model::DrawExamples(spec, {&series, 1}, options, model::SerialFor(), [] { return false; });
}

}  // namespace

TrainingSet::TrainingSet(size_t networks, int iterations)
    : settings_{.learning_rate = kLearningRate}, iterations_(iterations) {
  for (size_t i = 0; i < networks; ++i) pools_.push_back(Draw(spec_, static_cast<uint32_t>(i)));
}

NetworkStack TrainingSet::Stack(size_t begin, size_t end) const {
  NetworkStack stack;
  for (size_t i = begin; i < end; ++i) {
    stack.members.push_back({.start = model::UntrainedWeights(spec_),
                             .first_window = stack.pool.windows,
                             .windows = pools_[i].windows,
                             .iterations = iterations_,
                             .seed = i,
                             .settings = settings_});
    model::Append(pools_[i], &stack.pool);
  }
  return stack;
}

double TrainingSet::Operations() const {
  const double windows = options_.batch_windows;
  const double targets = windows * options_.batch_targets;
  const double recurrent_rows = windows * spec_.patches();
  const double width = spec_.decoder_width;
  const double gates = 4.0 * spec_.hidden;
  // Forward, and backward to the weights; where a layer reads another one, backward to that as
  // well.
  const double twice = recurrent_rows * gates * spec_.patch_inputs() +
                       windows * width * spec_.window_features() +
                       targets * width * spec_.target_inputs();
  const double thrice = recurrent_rows * gates * spec_.hidden + windows * width * spec_.hidden +
                        targets * width * (width + spec_.decoder_outputs());
  return 2 * (2 * twice + 3 * thrice) * iterations_;
}

}  // namespace auspex
