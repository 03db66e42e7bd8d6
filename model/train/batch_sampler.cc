#include "model/train/batch_sampler.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "model/features/features.h"

namespace auspex::model {
namespace {

torch::Tensor View(const std::vector<float>& values, std::vector<int64_t> shape) {
  // LibTorch has no read-only tensors; nothing here writes to it.
  return torch::from_blob(const_cast<float*>(values.data()), shape, torch::kFloat32);
}

}  // namespace

PoolTensors::PoolTensors(const ModelSpec& spec, const ExamplePool& pool)
    : window(View(pool.window, {pool.windows, spec.window_features()})),
      patches(View(pool.patches, {pool.windows, spec.patches(), spec.patch_inputs()})),
      candidates(View(pool.candidates, {pool.windows, pool.targets, kCandidates})),
      z(View(pool.z, {pool.windows, pool.targets})),
      weight(View(pool.weight, {pool.windows})) {
  const auto width = static_cast<size_t>(spec.target_features());
  const torch::Tensor features =
      View(pool.features, {pool.windows, pool.targets, spec.target_features()});
  targets = torch::cat({candidates.asinh(), features}, 2);
  long_share = torch::empty({pool.windows, pool.targets});
  float* share = long_share.data_ptr<float>();
  for (size_t i = 0; i < pool.z.size(); ++i) {
    share[i] = LongLeadShare(pool.features[i * width + kFeatureHorizons]);
  }
}

// Draws for one member.
class BatchSampler::Member {
 public:
  explicit Member(const FitMember& member)
      : random_(member.seed),
        keep_(1 - member.settings.encoder_dropout),
        order_(static_cast<size_t>(member.windows)),
        next_(order_.size()) {
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
  void FillDropout(std::span<float> mask) {
    std::bernoulli_distribution kept(keep_);
    for (float& value : mask) value = kept(random_) ? static_cast<float>(1 / keep_) : 0.0F;
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
  const double keep_;  // what dropout leaves
  std::vector<int64_t> order_;
  size_t next_;
};

BatchSampler::BatchSampler(const ModelSpec& spec, const PoolTensors& pool,
                           const FitOptions& options, std::span<const FitMember> members)
    : spec_(spec),
      pool_(pool),
      targets_(pool.z.size(1)),
      columns_(std::min<int64_t>(options.batch_targets, targets_)),
      rows_(options.batch_windows) {
  for (const FitMember& member : members) {
    samplers_.emplace_back(member);
    rows_ = std::min<int64_t>(rows_, member.windows);
    any_dropout_ |= member.settings.encoder_dropout > 0;
  }
}

BatchSampler::~BatchSampler() = default;

Batch BatchSampler::Next(std::span<const size_t> active) {
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

torch::Tensor BatchSampler::DropoutMask(std::span<const size_t> active) {
  if (spec_.encoder_outputs() == 0 || !any_dropout_) return {};
  const auto members = static_cast<int64_t>(active.size());
  torch::Tensor mask = torch::empty({members, rows_, spec_.encoder_outputs()});
  const auto size = static_cast<size_t>(rows_ * spec_.encoder_outputs());
  for (size_t m = 0; m < active.size(); ++m) {
    samplers_[active[m]].FillDropout({mask.data_ptr<float>() + m * size, size});
  }
  return mask;
}

}  // namespace auspex::model
