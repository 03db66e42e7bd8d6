#include "model/train/base_fit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "model/train/fit.h"

namespace auspex::model {
namespace {

// Mean absolute error of every candidate over the pool, in units of z.
std::array<double, kCandidates> CandidateErrors(const ExamplePool& pool) {
  std::array<double, kCandidates> sums{};
  const size_t cells = pool.z.size();
  for (size_t cell = 0; cell < cells; ++cell) {
    if (std::isnan(pool.z[cell])) continue;
    const float weight = pool.weight[cell / static_cast<size_t>(pool.targets)];
    for (size_t j = 0; j < kCandidates; ++j) {
      sums[j] += weight * std::abs(pool.candidates[cell * kCandidates + j] - pool.z[cell]);
    }
  }
  return sums;
}

}  // namespace

Weights SkilledStart(const ModelSpec& spec, const ExamplePool& pool) {
  // A candidate that errs e times the best starts e^4 times less likely, at most e^12.
  constexpr double kSteepness = 4;
  constexpr double kLogRatioMax = 3;
  constexpr double kErrorMin = 1e-6;

  const Weights untrained = UntrainedWeights(spec);
  std::vector<float> values(untrained.values().begin(), untrained.values().end());
  const std::span<const float> bias = TensorValues(spec, untrained, "decoder.output.bias");
  float* logits = values.data() + (bias.data() - untrained.values().data());
  const auto errors = CandidateErrors(pool);
  const double best = std::max(kErrorMin, *std::min_element(errors.begin(), errors.end()));
  for (size_t j = 0; j < kCandidates; ++j) {
    const double ratio = std::max(kErrorMin, errors[j]) / best;
    logits[j] = static_cast<float>(-kSteepness * std::clamp(std::log(ratio), 0.0, kLogRatioMax));
  }
  return Weights::FromVector(std::move(values));
}

absl::StatusOr<Weights> FitBase(const ModelSpec& spec, const ExamplePool& pool, int iterations,
                                const FitSettings& settings, uint64_t seed,
                                const FitObserver& observer) {
  const FitMember member{.start = SkilledStart(spec, pool),
                         .windows = pool.windows,
                         .iterations = iterations,
                         .seed = seed,
                         .settings = settings};
  if (iterations == 0) return member.start;
  auto fitted = FitStacked(spec, {&member, 1}, pool, FitOptions(), observer);
  if (!fitted.ok()) return fitted.status();
  return std::move(fitted->front());
}

absl::StatusOr<BaseFit> ChooseBase(const ModelSpec& spec, const ExamplePool& pool,
                                   const ExamplePool& tail, std::span<const int> iterations,
                                   const FitSettings& settings, uint64_t seed,
                                   const FitObserver& observer) {
  if (tail.empty()) {
    auto weights = FitBase(spec, pool, iterations.back(), settings, seed, observer);
    if (!weights.ok()) return weights.status();
    return BaseFit{
        .weights = *std::move(weights), .iterations = iterations.back(), .settings = settings};
  }
  BaseFit best{.weights = SkilledStart(spec, pool), .iterations = 0, .settings = settings};
  std::vector<FitMember> members;
  for (const int length : iterations) {
    members.push_back({.start = best.weights,
                       .windows = pool.windows,
                       .iterations = length,
                       .seed = seed,
                       .settings = settings});
  }
  const auto fits = FitStacked(spec, members, pool, FitOptions(), observer);
  if (!fits.ok()) return fits.status();

  const auto start_loss = PoolLoss(spec, best.weights, tail);
  if (!start_loss.ok()) return start_loss.status();
  best.loss = *start_loss;
  for (size_t i = 0; i < fits->size(); ++i) {  // fewest first: more must be better
    const auto loss = PoolLoss(spec, (*fits)[i], tail);
    if (!loss.ok()) return loss.status();
    if (*loss < best.loss) {
      best.weights = (*fits)[i];
      best.iterations = iterations[i];
      best.loss = *loss;
    }
  }
  return best;
}

}  // namespace auspex::model
