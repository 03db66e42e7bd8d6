#include "model/train/fit.h"

#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <new>
#include <numbers>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/engine/output_head.h"
#include "model/eval/scores.h"
#include "model/features/features.h"
#include "model/spec/members.h"
#include "model/train/batch_sampler.h"
#include "model/train/network.h"

namespace auspex::model {
namespace {

// Windows that one pass without gradients takes at a time.
constexpr int kEvaluationWindows = 256;

// These matrices are too small to share out: fits run beside each other instead.
void ComputeOnThisThreadAlone() {
  torch::set_num_threads(1);  // for this thread; LibTorch keeps it per thread
  // OpenBLAS has threads of its own, which wait by spinning. Asked for by name when running,
  // because which BLAS LibTorch gets is the machine's choice; absent with another one.
  using SetThreads = void (*)(int);
  static const auto set_threads =
      reinterpret_cast<SetThreads>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"));
  if (set_threads != nullptr) set_threads(1);
}

template <typename Body>
auto CatchTorch(const Body& body) -> decltype(body()) {
  try {
    ComputeOnThisThreadAlone();
    return body();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("training ran out of memory");
  } catch (const std::exception& error) {
    // c10::Error appends a stack trace; its first line says what is wrong.
    const std::string what = error.what();
    return absl::InternalError(absl::StrCat("LibTorch: ", what.substr(0, what.find('\n'))));
  }
}

std::span<const float> RowOf(const torch::Tensor& tensor, int64_t row) {
  const auto size = static_cast<size_t>(tensor.numel() / tensor.size(0));
  return {tensor.data_ptr<float>() + static_cast<size_t>(row) * size, size};
}

double LearningRate(const FitOptions& options, const FitMember& member, int iteration) {
  const double highest = member.settings.learning_rate;
  if (iteration < options.warmup_iterations) {
    return highest * (iteration + 1) / options.warmup_iterations;
  }
  const int span = std::max(1, member.iterations - options.warmup_iterations);
  const double done = static_cast<double>(iteration - options.warmup_iterations) / span;
  const double cosine = (1 + std::cos(std::numbers::pi * done)) / 2;
  return highest * (options.final_rate + (1 - options.final_rate) * cosine);
}

// AdamW (Loshchilov and Hutter 2019) on the rows of one matrix, each with its own rate and its own
// limit on the norm of its gradient.
class RowOptimizer {
 public:
  RowOptimizer(const FitOptions& options, const torch::Tensor& parameters)
      : options_(options),
        mean_(torch::zeros_like(parameters)),
        square_(torch::zeros_like(parameters)) {}

  // `rates` and `decays` are [M, 1]; `iteration` counts from 0.
  void Step(const torch::Tensor& rates, const torch::Tensor& decays, int iteration,
            torch::Tensor& parameters) {
    const torch::NoGradGuard no_grad;
    const torch::Tensor norm = parameters.grad().norm(2, {1}, true);
    const torch::Tensor gradient =
        parameters.grad() * (options_.gradient_clip / (norm + 1e-6)).clamp_max(1);
    mean_.mul_(kDecayMean).add_(gradient, 1 - kDecayMean);
    square_.mul_(kDecaySquare).addcmul_(gradient, gradient, 1 - kDecaySquare);
    const double mean_bias = 1 - std::pow(kDecayMean, iteration + 1);
    const double square_bias = 1 - std::pow(kDecaySquare, iteration + 1);
    const torch::Tensor step = mean_ / ((square_ / square_bias).sqrt_().add_(kEpsilon) * mean_bias);
    parameters.mul_(1 - rates * decays).sub_(rates * step);
  }

  // Goes on with these rows only.
  void Keep(const torch::Tensor& rows) {
    mean_ = mean_.index_select(0, rows);
    square_ = square_.index_select(0, rows);
  }

 private:
  static constexpr double kDecayMean = 0.9;
  static constexpr double kDecaySquare = 0.999;
  static constexpr double kEpsilon = 1e-8;

  const FitOptions& options_;
  torch::Tensor mean_, square_;  // [M, parameters]
};

// A fit on its way.
class StackedFit {
 public:
  StackedFit(const ModelSpec& spec, std::span<const FitMember> members, const ExamplePool& pool,
             const FitOptions& options)
      : spec_(spec),
        members_(members),
        options_(options),
        pool_(spec, pool),
        sampler_(spec, pool_, options, members),
        network_(spec),
        fitted_(members.size()),
        active_(members.size()) {
    std::iota(active_.begin(), active_.end(), size_t{0});
    std::vector<Weights> starts;
    for (const FitMember& member : members) starts.push_back(member.start);
    parameters_ = StackParameters(spec, starts).requires_grad_();
    optimizer_.emplace(options, parameters_);
  }

  absl::StatusOr<std::vector<Weights>> Run(const FitObserver& observer) {
    for (int iteration = 0; DropFinished(iteration); ++iteration) {
      const double loss = Step(iteration);
      if (!std::isfinite(loss)) {
        return absl::InternalError(
            absl::StrCat("training diverged: the loss of iteration ", iteration, " is ", loss));
      }
      if (!observer(iteration, loss)) return absl::CancelledError("training was cancelled");
    }
    return std::move(fitted_);
  }

 private:
  // Keeps what is done; false when nothing is left.
  bool DropFinished(int iteration) {
    std::vector<int64_t> rows;
    std::vector<size_t> left;
    for (size_t row = 0; row < active_.size(); ++row) {
      const size_t i = active_[row];
      if (members_[i].iterations > iteration) {
        rows.push_back(static_cast<int64_t>(row));
        left.push_back(i);
      } else {
        fitted_[i] = ExportMember(parameters_, static_cast<int64_t>(row));
      }
    }
    if (left.size() < active_.size() && !left.empty()) {
      const torch::Tensor kept = torch::tensor(rows);
      parameters_ = parameters_.detach().index_select(0, kept).requires_grad_();
      optimizer_->Keep(kept);
    }
    active_ = std::move(left);
    return !active_.empty();
  }

  // One step of all members; the mean of their losses.
  double Step(int iteration) {
    const Batch batch = sampler_.Next(active_);
    const torch::Tensor loss = network_.Loss(parameters_, batch);
    parameters_.mutable_grad() = torch::Tensor();
    loss.sum().backward();

    std::vector<float> rates, decays;
    for (const size_t i : active_) {
      rates.push_back(static_cast<float>(LearningRate(options_, members_[i], iteration)));
      decays.push_back(static_cast<float>(members_[i].settings.weight_decay));
    }
    optimizer_->Step(torch::tensor(rates).unsqueeze(1), torch::tensor(decays).unsqueeze(1),
                     iteration, parameters_);
    return loss.mean().item<double>();
  }

  const ModelSpec& spec_;
  const std::span<const FitMember> members_;
  const FitOptions& options_;
  const PoolTensors pool_;
  BatchSampler sampler_;
  const Network network_;
  std::vector<Weights> fitted_;
  std::vector<size_t> active_;  // the members that are rows of the parameters
  torch::Tensor parameters_;    // [active, parameters]
  std::optional<RowOptimizer> optimizer_;
};

// Appends what one network answers for every target of the pool, [windows][targets][levels].
void AppendQuantiles(const ModelSpec& spec, const Weights& weights, const ExamplePool& pool,
                     std::vector<float>* answers) {
  const torch::NoGradGuard no_grad;
  const Network network(spec);
  const torch::Tensor parameters = StackParameters(spec, {&weights, 1});
  const PoolTensors tensors(spec, pool);
  const OutputHead head(spec, weights.values().back());
  const auto width = static_cast<size_t>(spec.decoder_outputs());
  const auto targets = static_cast<size_t>(pool.targets);
  const auto window_features = static_cast<size_t>(spec.window_features());
  std::vector<double> quantiles(spec.quantiles.size());
  for (int64_t begin = 0; begin < pool.windows; begin += kEvaluationWindows) {
    const int64_t rows = std::min<int64_t>(kEvaluationWindows, pool.windows - begin);
    const auto slice = [&](const torch::Tensor& t) {
      return t.narrow(0, begin, rows).unsqueeze(0);
    };
    const torch::Tensor outputs = network
                                      .Forward(parameters, {.window = slice(tensors.window),
                                                            .patches = slice(tensors.patches),
                                                            .targets = slice(tensors.targets),
                                                            .dropout_mask = {}})
                                      .contiguous();
    const std::span<const float> values = RowOf(outputs, 0);
    for (size_t i = 0; i < static_cast<size_t>(rows) * targets; ++i) {
      const size_t cell = static_cast<size_t>(begin) * targets + i;
      const size_t logs = cell / targets * window_features + kShapeFeatures;
      head.Quantiles(
          {.backtest_logs = std::span(pool.window).subspan(logs, kBacktestLogs),
           .candidates = std::span(pool.candidates).subspan(cell * kCandidates, kCandidates),
           .long_share = tensors.long_share.data_ptr<float>()[cell]},
          values.subspan(i * width, width), quantiles);
      answers->insert(answers->end(), quantiles.begin(), quantiles.end());
    }
  }
}

}  // namespace

absl::StatusOr<std::vector<Weights>> FitStacked(const ModelSpec& spec,
                                                std::span<const FitMember> members,
                                                const ExamplePool& pool, const FitOptions& options,
                                                const FitObserver& observer) {
  for (const FitMember& member : members) {
    if (member.windows <= 0) return absl::FailedPreconditionError("no examples to learn from");
  }
  return CatchTorch([&] { return StackedFit(spec, members, pool, options).Run(observer); });
}

absl::StatusOr<double> PoolLoss(const ModelSpec& spec, const Weights& weights,
                                const ExamplePool& pool) {
  const auto quantiles = PoolQuantiles(spec, weights, pool);
  if (!quantiles.ok()) return quantiles.status();
  const size_t levels = spec.quantiles.size();
  double sum = 0;
  double count = 0;
  for (size_t cell = 0; cell < pool.z.size(); ++cell) {
    const double z = pool.z[cell];
    if (std::isnan(z)) continue;
    const double weight = pool.weight[cell / static_cast<size_t>(pool.targets)];
    for (size_t q = 0; q < levels; ++q) {
      sum += weight * PinballLoss(spec.quantiles[q], z, (*quantiles)[cell * levels + q]);
    }
    count += weight;
  }
  return sum / count;
}

absl::StatusOr<std::vector<float>> PoolQuantiles(const ModelSpec& spec, const Weights& weights,
                                                 const ExamplePool& pool) {
  return CatchTorch([&]() -> absl::StatusOr<std::vector<float>> {
    std::vector<float> answers;
    for (int member = 0; member < spec.members; ++member) {
      AppendQuantiles(MemberSpec(spec), MemberWeights(spec, weights, member), pool, &answers);
    }
    std::vector<float> medians(answers.size() / static_cast<size_t>(spec.members));
    MedianOfMembers(answers, medians);
    return medians;
  });
}

}  // namespace auspex::model
