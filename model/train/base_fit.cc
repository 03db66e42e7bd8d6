#include "model/train/base_fit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "model/spec/members.h"
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

// Members differ in what they draw: batches and dropout. The first draws what one alone would.
uint64_t MemberSeed(uint64_t seed, int member) {
  return seed + static_cast<uint64_t>(member) * 0x9e3779b97f4a7c15;
}

// The model after each of these numbers of iterations.
absl::StatusOr<std::vector<Weights>> FitLengths(const BaseTask& task, const Weights& start,
                                                std::span<const int> iterations,
                                                const FitSettings& settings) {
  const auto members = static_cast<size_t>(task.spec.members);
  std::vector<absl::StatusOr<std::vector<Weights>>> fits(members);
  task.parallel_for(members, [&](size_t m) {
    const int member = static_cast<int>(m);
    std::vector<FitMember> lengths;
    for (const int length : iterations) {
      lengths.push_back({.start = MemberWeights(task.spec, start, member),
                         .windows = task.pool.windows,
                         .iterations = length,
                         .seed = MemberSeed(task.seed, member),
                         .settings = settings});
    }
    fits[m] = FitStacked(MemberSpec(task.spec), lengths, task.pool, FitOptions(), task.observer);
  });
  std::vector<Weights> models;
  for (size_t length = 0; length < iterations.size(); ++length) {
    std::vector<Weights> of_length;
    for (const auto& fit : fits) {
      if (!fit.ok()) return fit.status();
      of_length.push_back((*fit)[length]);
    }
    models.push_back(JoinMembers(of_length));
  }
  return models;
}

}  // namespace

Weights SkilledStart(const ModelSpec& spec, const ExamplePool& pool, uint64_t seed) {
  // A candidate that errs e times the best starts e^4 times less likely, at most e^12.
  constexpr double kSteepness = 4;
  constexpr double kLogRatioMax = 3;
  constexpr double kErrorMin = 1e-6;

  const Weights untrained = UntrainedWeights(spec, seed);
  std::vector<float> values(untrained.values().begin(), untrained.values().end());
  const auto errors = CandidateErrors(pool);
  const double best = std::max(kErrorMin, *std::min_element(errors.begin(), errors.end()));
  for (int member = 0; member < spec.members; ++member) {
    const std::span<const float> bias = TensorValues(
        MemberSpec(spec), MemberWeights(spec, untrained, member), "decoder.output.bias");
    float* logits = values.data() + (bias.data() - untrained.values().data());
    for (size_t j = 0; j < kCandidates; ++j) {
      const double ratio = std::max(kErrorMin, errors[j]) / best;
      logits[j] = static_cast<float>(-kSteepness * std::clamp(std::log(ratio), 0.0, kLogRatioMax));
    }
  }
  return Weights::FromVector(std::move(values));
}

absl::StatusOr<Weights> FitBase(const BaseTask& task, int iterations, const FitSettings& settings) {
  Weights start = SkilledStart(task.spec, task.pool, task.seed);
  if (iterations == 0) return start;
  auto fitted = FitLengths(task, start, {&iterations, 1}, settings);
  if (!fitted.ok()) return fitted.status();
  return std::move(fitted->front());
}

absl::StatusOr<BaseFit> ChooseBase(const BaseTask& task, const ExamplePool& tail,
                                   std::span<const int> iterations, const FitSettings& settings) {
  if (tail.empty()) {
    auto weights = FitBase(task, iterations.back(), settings);
    if (!weights.ok()) return weights.status();
    return BaseFit{
        .weights = *std::move(weights), .iterations = iterations.back(), .settings = settings};
  }
  BaseFit best{.weights = SkilledStart(task.spec, task.pool, task.seed),
               .iterations = 0,
               .settings = settings};
  const auto fits = FitLengths(task, best.weights, iterations, settings);
  if (!fits.ok()) return fits.status();

  const auto start_loss = PoolLoss(task.spec, best.weights, tail);
  if (!start_loss.ok()) return start_loss.status();
  best.loss = *start_loss;
  for (size_t i = 0; i < fits->size(); ++i) {  // fewest first: more must be better
    const auto loss = PoolLoss(task.spec, (*fits)[i], tail);
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
