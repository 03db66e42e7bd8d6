#include "tests/bench/forecast/fleet.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <numbers>
#include <random>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "model/spec/weights.h"

namespace auspex {
namespace {

constexpr int64_t kOriginMs = 1'712'345'600'000;
constexpr int kKinds = 4;

// Uniform in [-1, 1).
class Noise {
 public:
  explicit Noise(uint32_t seed) : random_(seed) {}
  float operator()() { return static_cast<float>(random_()) / 1073741824.0F - 1.0F; }

 private:
  std::minstd_rand random_;
};

// One value of a kind of series; `sin_day` and `sin_week` are of its time.
float Value(int kind, float previous, float sin_day, float sin_week, Noise& noise) {
  switch (kind) {
    case 0:
      return 100 + 20 * sin_day + 5 * sin_week + 3 * noise();
    case 1: {  // stays most of the time, fills, and is cleared when full
      const float chance = noise();
      if (chance < 0.8F) return previous;
      return previous > 900 ? 500 : previous + 20 * (chance - 0.8F) * (2 + sin_day);
    }
    case 2:
      return 50 + 0.9F * (previous - 50) + 10 * noise();
    default:
      return noise() < 0.85F ? 0 : 1 + std::abs(noise());
  }
}

void FillContext(const model::ModelSpec& spec, uint32_t seed, std::span<float> context) {
  Noise noise(seed);
  const int kind = static_cast<int>(seed % kKinds);
  const bool gaps = seed % 16 >= 12;
  const auto day = static_cast<float>(spec.season_steps());
  constexpr auto kTurn = static_cast<float>(2 * std::numbers::pi);
  const float phase = noise();
  float value = 500;
  for (size_t t = 0; t < context.size(); ++t) {
    const float turns = static_cast<float>(t) / day + phase;
    value = Value(kind, value, std::sin(kTurn * turns), std::sin(kTurn * turns / 7), noise);
    const bool missing = gaps && t + 1 < context.size() && noise() > 0.9F;
    context[t] = missing ? std::numeric_limits<float>::quiet_NaN() : value;
  }
}

// The untrained network has a decoder that answers zero: small changes to every parameter make it
// compute as a trained one does.
model::Weights OwnWeights(const model::Weights& untrained, uint32_t seed) {
  Noise noise(seed);
  std::vector<float> values(untrained.values().begin(), untrained.values().end());
  for (float& value : values) value += 0.05F * noise();
  return model::Weights::FromVector(std::move(values));
}

}  // namespace

Fleet::Fleet(const model::ModelSpec& spec, size_t size, model::Engine& engine)
    : contexts_(size * static_cast<size_t>(spec.context_steps)) {
  const auto steps = static_cast<size_t>(spec.context_steps);
  const model::Weights untrained = model::UntrainedWeights(spec);
  for (size_t i = 0; i < size; ++i) {
    const auto seed = static_cast<uint32_t>(i + 1);
    const std::span<float> context = std::span(contexts_).subspan(i * steps, steps);
    FillContext(spec, seed, context);
    auto prepared = engine.Prepare(spec, OwnWeights(untrained, seed));
    if (!prepared.ok()) {
      std::fprintf(stderr, "%s\n", prepared.status().ToString().c_str());
      std::abort();
    }
    models_.push_back(*std::move(prepared));
    items_.push_back({.model = models_.back().get(), .context = context, .origin_ms = kOriginMs});
  }
}

}  // namespace auspex
