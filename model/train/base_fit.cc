#include "model/train/base_fit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numeric>
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

size_t StackCount(size_t fits, int threads) {
  return std::min(static_cast<size_t>(std::max(threads, 1)), fits);
}

// Fits shared out to a stack for each thread, of about the same work: indices. Several in one stack
// waste less than each alone.
std::vector<std::vector<size_t>> ShareOut(const std::vector<FitMember>& fits, int threads) {
  std::vector<size_t> longest_first(fits.size());
  std::iota(longest_first.begin(), longest_first.end(), size_t{0});
  std::ranges::stable_sort(longest_first, std::ranges::greater(),
                           [&](size_t i) { return fits[i].iterations; });
  std::vector<std::vector<size_t>> stacks(StackCount(fits.size(), threads));
  std::vector<int> work(stacks.size(), 0);
  for (const size_t i : longest_first) {
    const auto least = static_cast<size_t>(std::ranges::min_element(work) - work.begin());
    stacks[least].push_back(i);
    work[least] += fits[i].iterations;
  }
  return stacks;
}

// Each of these fits by itself, whatever else is in its stack.
absl::StatusOr<std::vector<Weights>> FitEach(const BaseTask& task,
                                             const std::vector<FitMember>& fits) {
  const std::vector<std::vector<size_t>> stacks = ShareOut(fits, task.threads);
  std::vector<absl::Status> statuses(stacks.size());
  std::vector<Weights> fitted(fits.size());
  task.parallel_for(stacks.size(), [&](size_t s) {
    std::vector<FitMember> stack;
    for (const size_t i : stacks[s]) stack.push_back(fits[i]);
    auto weights = FitStacked(MemberSpec(task.spec), stack, task.pool, FitOptions(), task.observer);
    statuses[s] = weights.status();
    for (size_t n = 0; weights.ok() && n < stack.size(); ++n) {
      fitted[stacks[s][n]] = std::move((*weights)[n]);
    }
  });
  for (const absl::Status& status : statuses) {
    if (!status.ok()) return status;
  }
  return fitted;
}

// The model after each of these numbers of iterations.
absl::StatusOr<std::vector<Weights>> FitLengths(const BaseTask& task, const Weights& start,
                                                std::span<const int> iterations,
                                                const FitSettings& settings) {
  std::vector<FitMember> fits;
  for (const int length : iterations) {
    for (int member = 0; member < task.spec.members; ++member) {
      fits.push_back({.start = MemberWeights(task.spec, start, member),
                      .windows = task.pool.windows,
                      .iterations = length,
                      .seed = MemberSeed(task.seed, member),
                      .settings = settings});
    }
  }
  const auto fitted = FitEach(task, fits);
  if (!fitted.ok()) return fitted.status();
  const auto members = static_cast<size_t>(task.spec.members);
  std::vector<Weights> models;
  for (size_t i = 0; i < fitted->size(); i += members) {
    models.push_back(JoinMembers(std::span(*fitted).subspan(i, members)));
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

int ObservedIterations(const BaseTask& task, std::span<const int> iterations) {
  const size_t fits = static_cast<size_t>(task.spec.members) * iterations.size();
  return iterations.back() * static_cast<int>(StackCount(fits, task.threads));
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
  auto fits = FitLengths(task, best.weights, iterations, settings);
  if (!fits.ok()) return fits.status();

  fits->insert(fits->begin(), best.weights);
  std::vector<absl::StatusOr<double>> losses(fits->size());
  task.parallel_for(fits->size(),
                    [&](size_t i) { losses[i] = PoolLoss(task.spec, (*fits)[i], tail); });
  for (size_t i = 0; i < fits->size(); ++i) {  // fewest first: more must be better
    if (!losses[i].ok()) return losses[i].status();
    if (i > 0 && !(*losses[i] < best.loss)) continue;
    best.weights = (*fits)[i];
    best.iterations = i == 0 ? 0 : iterations[i - 1];
    best.loss = *losses[i];
  }
  return best;
}

}  // namespace auspex::model
