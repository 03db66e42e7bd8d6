#include "model/train/fit.h"

#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <new>
#include <numbers>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/engine/output_head.h"
#include "model/eval/scores.h"
#include "model/features/features.h"
#include "model/train/head_loss.h"
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

torch::Tensor View(const std::vector<float>& values, std::vector<int64_t> shape) {
  // LibTorch has no read-only tensors; nothing here writes to it.
  return torch::from_blob(const_cast<float*>(values.data()), shape, torch::kFloat32);
}

// A pool as tensors: what the network reads, and what the loss reads.
struct PoolTensors {
  PoolTensors(const ModelSpec& spec, const ExamplePool& pool)
      : window(View(pool.window, {pool.windows, kWindowFeatures})),
        patches(View(pool.patches, {pool.windows, spec.patches(), spec.patch_inputs()})),
        candidates(View(pool.candidates, {pool.windows, pool.targets, kCandidates})),
        z(View(pool.z, {pool.windows, pool.targets})),
        weight(View(pool.weight, {pool.windows})) {
    const torch::Tensor features =
        View(pool.features, {pool.windows, pool.targets, kTargetFeatures});
    targets = torch::cat({candidates.asinh(), features}, 2);
    long_share = torch::empty({pool.windows, pool.targets});
    float* share = long_share.data_ptr<float>();
    for (size_t i = 0; i < pool.z.size(); ++i) {
      share[i] = LongLeadShare(pool.features[i * kTargetFeatures + kFeatureHorizons]);
    }
  }

  torch::Tensor window, patches, candidates, z, weight;  // the pool's memory
  torch::Tensor targets, long_share;
};

struct Batch {
  NetworkInput input;
  torch::Tensor candidates;  // [M, B, K, kCandidates]
  torch::Tensor long_share;  // [M, B, K]
  torch::Tensor z;           // [M, B, K]
  torch::Tensor weight;      // [M, B]
};

// Draws one member's windows, without replacement within a pass over its part of the pool, and
// targets at random.
class MemberSampler {
 public:
  explicit MemberSampler(const FitMember& member)
      : random_(member.seed), order_(static_cast<size_t>(member.windows)), next_(order_.size()) {
    std::iota(order_.begin(), order_.end(), member.first_window);
  }

  // Appends `rows` windows, and for each `columns` cells of the pool, which has `targets` a window.
  void Append(int64_t rows, int64_t columns, int64_t targets, std::vector<int64_t>* windows,
              std::vector<int64_t>* cells) {
    std::uniform_int_distribution<int64_t> column(0, targets - 1);
    for (int64_t i = 0; i < rows; ++i) {
      windows->push_back(NextWindow());
      for (int64_t j = 0; j < columns; ++j) {
        cells->push_back(windows->back() * targets + column(random_));
      }
    }
  }

  // 0 with the probability of dropout, else its inverse share.
  void FillDropout(double dropout, std::span<float> mask) {
    const double keep = 1 - dropout;
    std::bernoulli_distribution kept(keep);
    for (float& value : mask) value = kept(random_) ? static_cast<float>(1 / keep) : 0.0F;
  }

 private:
  int64_t NextWindow() {
    if (next_ == order_.size()) {
      std::shuffle(order_.begin(), order_.end(), random_);
      next_ = 0;
    }
    return order_[next_++];
  }

  std::mt19937_64 random_;
  std::vector<int64_t> order_;
  size_t next_;
};

// Draws a batch for several members.
class BatchSampler {
 public:
  BatchSampler(const ModelSpec& spec, const PoolTensors& pool, const FitOptions& options,
               std::span<const FitMember> members)
      : spec_(spec),
        pool_(pool),
        options_(options),
        targets_(pool.z.size(1)),
        columns_(std::min<int64_t>(options.batch_targets, targets_)),
        rows_(options.batch_windows) {
    for (const FitMember& member : members) {
      samplers_.emplace_back(member);
      rows_ = std::min<int64_t>(rows_, member.windows);
    }
  }

  // `active`: the members that take part, M of them.
  Batch Next(std::span<const size_t> active) {
    std::vector<int64_t> windows, cells;
    for (const size_t i : active) {
      samplers_[i].Append(rows_, columns_, targets_, &windows, &cells);
    }
    const auto members = static_cast<int64_t>(active.size());
    const torch::Tensor row = torch::tensor(windows);
    const torch::Tensor cell = torch::tensor(cells);
    const auto rows_of = [&](const torch::Tensor& values) {
      return values.index_select(0, row).unflatten(0, {members, rows_});
    };
    const auto cells_of = [&](const torch::Tensor& values) {
      return values.flatten(0, 1).index_select(0, cell).unflatten(0, {members, rows_, columns_});
    };
    return {.input = {.window = rows_of(pool_.window),
                      .patches = rows_of(pool_.patches),
                      .targets = cells_of(pool_.targets),
                      .dropout_mask = DropoutMask(active)},
            .candidates = cells_of(pool_.candidates),
            .long_share = cells_of(pool_.long_share),
            .z = cells_of(pool_.z),
            .weight = rows_of(pool_.weight)};
  }

 private:
  torch::Tensor DropoutMask(std::span<const size_t> active) {
    if (spec_.encoder_outputs() == 0 || options_.encoder_dropout == 0) return {};
    const auto members = static_cast<int64_t>(active.size());
    torch::Tensor mask = torch::empty({members, rows_, spec_.encoder_outputs()});
    const auto size = static_cast<size_t>(rows_ * spec_.encoder_outputs());
    for (size_t m = 0; m < active.size(); ++m) {
      samplers_[active[m]].FillDropout(options_.encoder_dropout,
                                       {mask.data_ptr<float>() + m * size, size});
    }
    return mask;
  }

  const ModelSpec& spec_;
  const PoolTensors& pool_;
  const FitOptions& options_;
  const int64_t targets_;
  const int64_t columns_;
  int64_t rows_;
  std::vector<MemberSampler> samplers_;
};

std::span<const float> RowOf(const torch::Tensor& tensor, int64_t row) {
  const auto size = static_cast<size_t>(tensor.numel() / tensor.size(0));
  return {tensor.data_ptr<float>() + static_cast<size_t>(row) * size, size};
}

// The losses of all members, [M], with the gradient that HeadLoss computes beside them.
struct StackedLoss : torch::autograd::Function<StackedLoss> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context,
                               const torch::Tensor& outputs, const torch::Tensor& tau,
                               const HeadLoss* head, const Batch* batch) {
    const torch::Tensor values = outputs.contiguous();
    const torch::Tensor logs =
        batch->input.window.narrow(2, kShapeFeatures, kBacktestLogs).contiguous();
    torch::Tensor loss = torch::empty({values.size(0)});
    torch::Tensor gradient = torch::empty_like(values);
    torch::Tensor tau_gradient = torch::empty_like(tau);
    for (int64_t m = 0; m < values.size(0); ++m) {
      const std::span<const float> row = RowOf(values, m);
      float* const row_gradient =
          gradient.data_ptr<float>() + (row.data() - values.data_ptr<float>());
      loss.data_ptr<float>()[m] = static_cast<float>(
          head->Compute({.backtest_logs = RowOf(logs, m),
                         .weight = RowOf(batch->weight, m),
                         .candidates = RowOf(batch->candidates, m),
                         .long_share = RowOf(batch->long_share, m),
                         .z = RowOf(batch->z, m)},
                        row, tau.data_ptr<float>()[m], {row_gradient, row.size()},
                        tau_gradient.data_ptr<float>() + m));
    }
    context->save_for_backward({gradient, tau_gradient});
    return loss;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list by_loss) {
    const auto saved = context->get_saved_variables();
    return {saved[0] * by_loss[0].view({-1, 1, 1, 1}), saved[1] * by_loss[0], {}, {}};
  }
};

double LearningRate(const FitOptions& options, int iterations, int iteration) {
  if (iteration < options.warmup_iterations) {
    return options.learning_rate * (iteration + 1) / options.warmup_iterations;
  }
  const int span = std::max(1, iterations - options.warmup_iterations);
  const double done = static_cast<double>(iteration - options.warmup_iterations) / span;
  const double cosine = (1 + std::cos(std::numbers::pi * done)) / 2;
  return options.learning_rate * (options.final_rate + (1 - options.final_rate) * cosine);
}

// AdamW (Loshchilov and Hutter 2019) on the rows of one matrix, each with its own rate and its own
// limit on the norm of its gradient.
class RowOptimizer {
 public:
  RowOptimizer(const FitOptions& options, const torch::Tensor& parameters)
      : options_(options),
        mean_(torch::zeros_like(parameters)),
        square_(torch::zeros_like(parameters)) {}

  // `rates` is [M, 1]; `iteration` counts from 0.
  void Step(const torch::Tensor& rates, int iteration, torch::Tensor& parameters) {
    const torch::NoGradGuard no_grad;
    const torch::Tensor norm = parameters.grad().norm(2, {1}, true);
    const torch::Tensor gradient =
        parameters.grad() * (options_.gradient_clip / (norm + 1e-6)).clamp_max(1);
    mean_.mul_(kDecayMean).add_(gradient, 1 - kDecayMean);
    square_.mul_(kDecaySquare).addcmul_(gradient, gradient, 1 - kDecaySquare);
    const double mean_bias = 1 - std::pow(kDecayMean, iteration + 1);
    const double square_bias = 1 - std::pow(kDecaySquare, iteration + 1);
    const torch::Tensor step = mean_ / ((square_ / square_bias).sqrt_().add_(kEpsilon) * mean_bias);
    parameters.mul_(1 - rates * options_.weight_decay).sub_(rates * step);
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
        head_(spec),
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
    // tau is the last of a member's tensors.
    const torch::Tensor tau = parameters_.select(1, parameters_.size(1) - 1);
    const torch::Tensor loss = StackedLoss::apply(network_.Forward(parameters_, batch.input),
                                                  tau.contiguous(), &head_, &batch);
    parameters_.mutable_grad() = torch::Tensor();
    loss.sum().backward();

    std::vector<float> rates;
    for (const size_t i : active_) {
      rates.push_back(
          static_cast<float>(LearningRate(options_, members_[i].iterations, iteration)));
    }
    optimizer_->Step(torch::tensor(rates).unsqueeze(1), iteration, parameters_);
    return loss.mean().item<double>();
  }

  const ModelSpec& spec_;
  const std::span<const FitMember> members_;
  const FitOptions& options_;
  const PoolTensors pool_;
  BatchSampler sampler_;
  const Network network_;
  const HeadLoss head_;
  std::vector<Weights> fitted_;
  std::vector<size_t> active_;  // the members that are rows of the parameters
  torch::Tensor parameters_;    // [active, parameters]
  std::optional<RowOptimizer> optimizer_;
};

// Calls body(cell, quantiles) for every target of the pool, with what is published for it.
template <typename Body>
void ForEachTarget(const ModelSpec& spec, const Weights& weights, const ExamplePool& pool,
                   const Body& body) {
  const torch::NoGradGuard no_grad;
  const Network network(spec);
  const torch::Tensor parameters = StackParameters(spec, {&weights, 1});
  const PoolTensors tensors(spec, pool);
  const OutputHead head(spec, weights.values().back());
  const auto width = static_cast<size_t>(spec.decoder_outputs());
  const auto targets = static_cast<size_t>(pool.targets);
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
      const size_t logs = cell / targets * kWindowFeatures + kShapeFeatures;
      head.Quantiles(
          {.backtest_logs = std::span(pool.window).subspan(logs, kBacktestLogs),
           .candidates = std::span(pool.candidates).subspan(cell * kCandidates, kCandidates),
           .long_share = tensors.long_share.data_ptr<float>()[cell]},
          values.subspan(i * width, width), quantiles);
      body(cell, quantiles);
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
  return CatchTorch([&]() -> absl::StatusOr<double> {
    double sum = 0;
    double count = 0;
    ForEachTarget(spec, weights, pool, [&](size_t cell, std::span<const double> quantiles) {
      const double z = pool.z[cell];
      if (std::isnan(z)) return;
      const double weight = pool.weight[cell / static_cast<size_t>(pool.targets)];
      for (size_t q = 0; q < quantiles.size(); ++q) {
        sum += weight * PinballLoss(spec.quantiles[q], z, quantiles[q]);
      }
      count += weight;
    });
    return sum / count;
  });
}

absl::StatusOr<std::vector<float>> PoolQuantiles(const ModelSpec& spec, const Weights& weights,
                                                 const ExamplePool& pool) {
  return CatchTorch([&]() -> absl::StatusOr<std::vector<float>> {
    std::vector<float> values;
    ForEachTarget(spec, weights, pool, [&](size_t, std::span<const double> quantiles) {
      values.insert(values.end(), quantiles.begin(), quantiles.end());
    });
    return values;
  });
}

}  // namespace auspex::model
