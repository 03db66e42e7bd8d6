// Contexts and weights for the tests of this folder. Deterministic.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/engine/engine.h"
#include "model/spec/model_spec.h"
#include "model/spec/weights.h"

namespace auspex::model {

inline constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();
inline constexpr int64_t kOriginMs = 1'712'345'600'000;

// Any cell, sizes with all remainders, grids from a minute to half a day, with and without
// covariates and special days.
ModelSpec RandomSpec(std::mt19937& random);
// For messages.
std::string Describe(const ModelSpec& spec);

// Rounds LibTorch's weight_hh, [4 * hidden, hidden], as LstmWeights::kBfloat16 keeps it.
void RoundAsBfloat16(size_t hidden, std::span<float> weight_hh);
// The weights with every weight_hh of an lstm rounded so.
Weights RoundedAsBfloat16(const ModelSpec& spec, const Weights& weights);

// A new engine: "scalar", "cpu", "cpu-bfloat16" (with such weights), or "emulated": the engine for
// devices, on two that are emulated.
std::unique_ptr<Engine> MakeTestEngine(std::string_view backend,
                                       ParallelFor parallel_for = SerialFor());

// A day season with noise, an eighth of the steps missing, at a random level; the last value is
// there.
std::vector<float> RandomContext(const ModelSpec& spec, std::mt19937& random);

// Covariates for such a context, [spec.covariates][context_steps]: noise around a level of its own,
// an eighth of the steps missing. The last of several is absent.
std::vector<float> RandomCovariates(const ModelSpec& spec, std::mt19937& random);

// Weights as after training: every parameter differs from zero, activations stay moderate.
Weights RandomWeights(const ModelSpec& spec, std::mt19937& random);

// The forecast of one context by a new engine of this backend: [horizon_steps][quantiles].
std::vector<float> ForecastContext(std::string_view backend, const ModelSpec& spec,
                                   const Weights& weights, std::span<const float> context,
                                   const Blend& blend = {}, std::span<const float> covariates = {});

}  // namespace auspex::model
