#include "model/train/network.h"

#include <limits>
#include <span>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "model/features/features.h"
#include "model/train/batch_sampler.h"

namespace auspex::model {
namespace {

using torch::Tensor;

constexpr int64_t kMembers = 2;

Tensor Uniform(at::IntArrayRef shape) { return torch::empty(shape).uniform_(); }

struct LossCase {
  const char* name;
  Cell cell;
  int layers;
  int64_t windows;
  int64_t targets;  // of a window; more than fit a block, and few
  std::vector<double> quantiles;
  int covariates = 0;
};

class NetworkLossTest : public ::testing::TestWithParam<LossCase> {
 protected:
  NetworkLossTest() {
    torch::manual_seed(5);
    spec_.cell = GetParam().cell;
    spec_.layers = GetParam().layers;
    spec_.hidden = 6;
    spec_.decoder_width = 11;
    spec_.quantiles = GetParam().quantiles;
    spec_.covariates.resize(static_cast<size_t>(GetParam().covariates));
  }

  Batch RandomBatch() const {
    const int64_t windows = GetParam().windows, targets = GetParam().targets;
    Batch batch{
        .input = {.window = torch::randn({kMembers, windows, spec_.window_features()}),
                  .patches =
                      torch::randn({kMembers, windows, spec_.patches(), spec_.patch_inputs()}),
                  .targets = torch::randn({kMembers, windows, targets, spec_.target_inputs()}),
                  .dropout_mask = {}},
        .candidates = torch::randn({kMembers, windows, targets, kCandidates}),
        .long_share = Uniform({kMembers, windows, targets}),
        .z = torch::randn({kMembers, windows, targets}),
        .weight = Uniform({kMembers, windows})};
    if (spec_.encoder_outputs() > 0) {
      batch.input.dropout_mask = 2 * Uniform({kMembers, windows, spec_.hidden}).round();
    }
    batch.z.masked_fill_(Uniform({kMembers, windows, targets}) < 0.2,
                         std::numeric_limits<float>::quiet_NaN());
    return batch;
  }

  ModelSpec spec_;
};

std::span<const float> Values(const Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<size_t>(tensor.numel())};
}

// The same loss with LibTorch's own gradients up to the decoder's outputs, which are HeadLoss's.
Tensor ExpectedLosses(const ModelSpec& spec, const Tensor& parameters, const Batch& batch) {
  // [M, outputs, B * K], and the candidates so.
  const Tensor outputs =
      Network(spec).Forward(parameters, batch.input).flatten(1, 2).transpose(1, 2).contiguous();
  const Tensor candidates = batch.candidates.flatten(1, 2).transpose(1, 2).contiguous();
  const auto columns = static_cast<size_t>(outputs.size(2));
  const Tensor slopes = torch::empty_like(outputs);
  const Tensor tau = parameters.detach().select(1, parameters.size(1) - 1).contiguous();
  const Tensor tau_slopes = torch::empty_like(tau), losses = torch::empty_like(tau);
  const Tensor logs = batch.input.window.narrow(2, kShapeFeatures, kBacktestLogs).contiguous();
  const Tensor there = batch.z.isnan().logical_not().sum(2) * batch.weight;
  for (int64_t m = 0; m < kMembers; ++m) {
    const Tensor share = batch.weight[m] / there[m].sum();
    const Tensor to = slopes[m];
    losses[m] =
        HeadLoss(spec).Compute({.backtest_logs = Values(logs[m]),
                                .weight = Values(share),
                                .candidates = {candidates[m].data_ptr<float>(), columns},
                                .long_share = Values(batch.long_share[m]),
                                .z = Values(batch.z[m])},
                               {outputs[m].data_ptr<float>(), columns}, Values(tau)[m],
                               {to.data_ptr<float>(), columns}, tau_slopes.data_ptr<float>() + m);
  }
  outputs.backward(slopes);
  parameters.grad().select(1, parameters.size(1) - 1).copy_(tau_slopes);
  return losses;
}

TEST_P(NetworkLossTest, GradientsAreAutograds) {
  const Tensor start = 0.5 * torch::randn({kMembers, ParameterCount(spec_)});
  const Tensor ours = start.clone().requires_grad_(), theirs = start.clone().requires_grad_();
  const Batch batch = RandomBatch();
  const Tensor losses = Network(spec_).Loss(ours, batch);
  losses.sum().backward();
  const Tensor expected = ExpectedLosses(spec_, theirs, batch);
  EXPECT_TRUE(torch::allclose(losses, expected, 1e-5, 1e-6)) << losses << expected;
  const std::vector<TensorShape> shapes = TensorShapes(spec_);
  int64_t begin = 0;
  for (const TensorShape& tensor : shapes) {
    const Tensor one = ours.grad().narrow(1, begin, tensor.elements());
    const Tensor two = theirs.grad().narrow(1, begin, tensor.elements());
    EXPECT_TRUE(torch::allclose(one, two, 1e-4, 1e-6))
        << tensor.name << " differs by " << (one - two).abs().max().item<float>();
    EXPECT_GT(one.abs().max().item<float>(), 0) << tensor.name;
    begin += tensor.elements();
  }
}

// Members weigh in the gradient as the caller says.
TEST_P(NetworkLossTest, GradientsScaleWithTheirLoss) {
  const Tensor start = 0.5 * torch::randn({kMembers, ParameterCount(spec_)});
  const Tensor plain = start.clone().requires_grad_(), scaled = start.clone().requires_grad_();
  const Batch batch = RandomBatch();
  Network(spec_).Loss(plain, batch).sum().backward();
  const Tensor factors = torch::tensor({0.0F, 3.0F});
  (Network(spec_).Loss(scaled, batch) * factors).sum().backward();
  EXPECT_TRUE(torch::allclose(scaled.grad(), plain.grad() * factors.unsqueeze(1), 1e-4, 1e-6));
}

INSTANTIATE_TEST_SUITE_P(
    Networks, NetworkLossTest,
    ::testing::Values(LossCase{"Lstm", Cell::kLstm, 1, 37, 32, {0.1, 0.5, 0.9}},
                      LossCase{"TwoLayers", Cell::kLstm, 2, 5, 3, {0.5, 0.9}},
                      LossCase{"OneWindowAboveABlock", Cell::kLstm, 1, 2, 600, {0.5}},
                      LossCase{"Gru", Cell::kGru, 2, 20, 32, {0.1, 0.5, 0.9}},
                      LossCase{"NoEncoder", Cell::kNone, 1, 20, 32, {0.1, 0.5, 0.9}},
                      LossCase{"Covariates", Cell::kLstm, 1, 20, 32, {0.1, 0.5, 0.9}, 3}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace auspex::model
