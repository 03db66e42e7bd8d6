#include "model/train/fit.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <new>
#include <numbers>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/train/network.h"

// OpenBLAS has its own threads, beside LibTorch's. Absent with another BLAS.
extern "C" __attribute__((weak)) void openblas_set_num_threads(int threads);

namespace auspex::model {
namespace {

// Windows that one pass without gradients takes at a time.
constexpr int kEvaluationWindows = 256;

// These matrices are too small to share out: fits run beside each other instead.
void ComputeOnThisThreadAlone() {
  torch::set_num_threads(1);  // for this thread; LibTorch keeps it per thread
  if (openblas_set_num_threads != nullptr) openblas_set_num_threads(1);
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

// A pool as tensors that share its memory.
struct PoolTensors {
  PoolTensors(const ModelSpec& spec, const ExamplePool& pool)
      : window(View(pool.window, {pool.windows, kWindowFeatures})),
        patches(View(pool.patches, {pool.windows, spec.patches(), spec.patch_inputs()})),
        candidates(View(pool.candidates, {pool.windows, pool.targets, kCandidates})),
        features(View(pool.features, {pool.windows, pool.targets, kTargetFeatures})),
        z(View(pool.z, {pool.windows, pool.targets})),
        weight(View(pool.weight, {pool.windows})) {}

  torch::Tensor window, patches, candidates, features, z, weight;
};

struct Batch {
  NetworkInput input;
  torch::Tensor z;       // [B, K]
  torch::Tensor weight;  // [B]
};

// Draws batches: windows without replacement within a pass over the pool, targets at random.
class BatchSampler {
 public:
  BatchSampler(const PoolTensors& pool, const FitOptions& options)
      : pool_(pool),
        windows_(pool.z.size(0)),
        targets_(pool.z.size(1)),
        options_(options),
        random_(options.seed),
        order_(static_cast<size_t>(windows_)) {
    for (int64_t i = 0; i < windows_; ++i) order_[static_cast<size_t>(i)] = i;
    next_ = order_.size();
  }

  Batch Next() {
    const int64_t rows = std::min<int64_t>(options_.batch_windows, windows_);
    const int64_t columns = std::min<int64_t>(options_.batch_targets, targets_);
    std::uniform_int_distribution<int64_t> column(0, targets_ - 1);
    std::vector<int64_t> windows, cells;
    for (int64_t i = 0; i < rows; ++i) {
      windows.push_back(NextWindow());
      for (int64_t j = 0; j < columns; ++j) {
        cells.push_back(windows.back() * targets_ + column(random_));
      }
    }
    const torch::Tensor row = torch::tensor(windows);
    const torch::Tensor cell = torch::tensor(cells);
    const auto pick = [&](const torch::Tensor& values) {
      return values.flatten(0, 1).index_select(0, cell).view({rows, columns, -1});
    };
    return {.input = {.window = pool_.window.index_select(0, row),
                      .patches = pool_.patches.index_select(0, row),
                      .candidates = pick(pool_.candidates),
                      .features = pick(pool_.features),
                      .dropout_mask = {}},
            .z = pick(pool_.z.unsqueeze(2)).squeeze(2),
            .weight = pool_.weight.index_select(0, row)};
  }

  // [rows, hidden]: 0 with the probability of dropout, else its inverse share.
  torch::Tensor DropoutMask(int64_t rows, int64_t hidden) {
    const double keep = 1 - options_.encoder_dropout;
    std::bernoulli_distribution kept(keep);
    torch::Tensor mask = torch::empty({rows, hidden});
    float* values = mask.data_ptr<float>();
    for (int64_t i = 0; i < mask.numel(); ++i) {
      values[i] = kept(random_) ? static_cast<float>(1 / keep) : 0.0F;
    }
    return mask;
  }

 private:
  int64_t NextWindow() {
    if (next_ == order_.size()) {
      std::shuffle(order_.begin(), order_.end(), random_);
      next_ = 0;
    }
    return order_[next_++];
  }

  const PoolTensors& pool_;
  const int64_t windows_;
  const int64_t targets_;
  const FitOptions& options_;
  std::mt19937_64 random_;
  std::vector<int64_t> order_;
  size_t next_ = 0;
};

// Pinball loss summed over the levels, meaned over the targets that are there.
torch::Tensor PinballLoss(const ModelSpec& spec, const torch::Tensor& quantiles,
                          const torch::Tensor& z, const torch::Tensor& weight) {
  const torch::Tensor seen = z.isnan().logical_not();
  const torch::Tensor truth = torch::where(seen, z, torch::zeros_like(z));
  const torch::Tensor counts = seen.to(torch::kFloat32) * weight.unsqueeze(1);
  const torch::Tensor levels =
      torch::tensor(std::vector<float>(spec.quantiles.begin(), spec.quantiles.end()));
  const torch::Tensor error = truth.unsqueeze(2) - quantiles;
  const torch::Tensor pinball = torch::maximum(levels * error, (levels - 1) * error).sum(2);
  return (pinball * counts).sum() / counts.sum().clamp_min(1e-6);
}

double LearningRate(const FitOptions& options, int iteration) {
  if (iteration < options.warmup_iterations) {
    return options.learning_rate * (iteration + 1) / options.warmup_iterations;
  }
  const int span = std::max(1, options.iterations - options.warmup_iterations);
  const double done = static_cast<double>(iteration - options.warmup_iterations) / span;
  const double cosine = (1 + std::cos(std::numbers::pi * done)) / 2;
  return options.learning_rate * (options.final_rate + (1 - options.final_rate) * cosine);
}

absl::StatusOr<Weights> FitNetwork(const ModelSpec& spec, const Weights& start,
                                   const ExamplePool& pool, const FitOptions& options,
                                   const FitObserver& observer) {
  Network network(spec);
  network.Import(start);
  torch::optim::AdamW optimizer(
      network.parameters(),
      torch::optim::AdamWOptions(options.learning_rate).weight_decay(options.weight_decay));
  auto& settings = static_cast<torch::optim::AdamWOptions&>(optimizer.param_groups()[0].options());

  const PoolTensors tensors(spec, pool);
  BatchSampler sampler(tensors, options);
  for (int iteration = 0; iteration < options.iterations; ++iteration) {
    settings.lr(LearningRate(options, iteration));
    Batch batch = sampler.Next();
    if (spec.encoder_outputs() > 0 && options.encoder_dropout > 0) {
      batch.input.dropout_mask = sampler.DropoutMask(batch.z.size(0), spec.hidden);
    }
    optimizer.zero_grad();
    const torch::Tensor loss =
        PinballLoss(spec, network.Forward(batch.input), batch.z, batch.weight);
    loss.backward();
    torch::nn::utils::clip_grad_norm_(network.parameters(), options.gradient_clip);
    optimizer.step();
    const double value = loss.item<double>();
    if (!std::isfinite(value)) {
      return absl::InternalError(
          absl::StrCat("training diverged: the loss of iteration ", iteration, " is ", value));
    }
    if (!observer(iteration, value)) return absl::CancelledError("training was cancelled");
  }
  return network.Export();
}

// Calls body(quantiles, z, weight) for slices of the pool.
template <typename Body>
void ForEachSlice(const ModelSpec& spec, const Weights& weights, const ExamplePool& pool,
                  const Body& body) {
  const torch::NoGradGuard no_grad;
  Network network(spec);
  network.Import(weights);
  const PoolTensors tensors(spec, pool);
  for (int64_t begin = 0; begin < pool.windows; begin += kEvaluationWindows) {
    const int64_t rows = std::min<int64_t>(kEvaluationWindows, pool.windows - begin);
    const auto slice = [&](const torch::Tensor& t) { return t.narrow(0, begin, rows); };
    const torch::Tensor quantiles = network.Forward({.window = slice(tensors.window),
                                                     .patches = slice(tensors.patches),
                                                     .candidates = slice(tensors.candidates),
                                                     .features = slice(tensors.features),
                                                     .dropout_mask = {}});
    body(quantiles, slice(tensors.z), slice(tensors.weight));
  }
}

}  // namespace

absl::StatusOr<Weights> Fit(const ModelSpec& spec, const Weights& start, const ExamplePool& pool,
                            const FitOptions& options, const FitObserver& observer) {
  if (pool.empty()) return absl::FailedPreconditionError("no examples to learn from");
  return CatchTorch([&] { return FitNetwork(spec, start, pool, options, observer); });
}

absl::StatusOr<double> PoolLoss(const ModelSpec& spec, const Weights& weights,
                                const ExamplePool& pool) {
  return CatchTorch([&]() -> absl::StatusOr<double> {
    double sum = 0;
    double count = 0;
    ForEachSlice(
        spec, weights, pool, [&](const auto& quantiles, const auto& z, const auto& weight) {
          const double seen = (z.isnan().logical_not().to(torch::kFloat32) * weight.unsqueeze(1))
                                  .sum()
                                  .template item<double>();
          sum += PinballLoss(spec, quantiles, z, weight).template item<double>() * seen;
          count += seen;
        });
    return sum / count;
  });
}

absl::StatusOr<std::vector<float>> PoolQuantiles(const ModelSpec& spec, const Weights& weights,
                                                 const ExamplePool& pool) {
  return CatchTorch([&]() -> absl::StatusOr<std::vector<float>> {
    std::vector<float> values;
    ForEachSlice(spec, weights, pool, [&](const auto& quantiles, const auto&, const auto&) {
      const torch::Tensor flat = quantiles.contiguous();
      const float* begin = flat.template data_ptr<float>();
      values.insert(values.end(), begin, begin + flat.numel());
    });
    return values;
  });
}

}  // namespace auspex::model
