#include "tests/bench/training/plain_loss.h"

#include <algorithm>

#include "model/features/features.h"

namespace auspex {
namespace {

using torch::Tensor;

constexpr double kStayWeight = 0.2;
constexpr double kStayMargin = 1e-6;

Tensor Output(const Tensor& outputs, int64_t i) { return outputs.select(3, i); }

// The blend of the candidates plus the damped correction, [M, B, K].
Tensor MedianOf(const model::Batch& batch, const Tensor& outputs, const Tensor& tau) {
  const Tensor logs = batch.input.window.narrow(2, model::kShapeFeatures, model::kBacktestLogs);
  const Tensor near = logs.narrow(2, 0, model::kCandidates).unsqueeze(2);
  const Tensor far = logs.narrow(2, model::kCandidates, model::kCandidates).unsqueeze(2);
  const Tensor at_lead = torch::lerp(near, far, batch.long_share.unsqueeze(3));
  const Tensor logits =
      outputs.narrow(3, 0, model::kCandidates) - tau.view({-1, 1, 1, 1}) * at_lead;
  const Tensor blend = (torch::softmax(logits, 3) * batch.candidates).sum(3);
  return blend + Output(outputs, model::kOutputCorrection) *
                     torch::sigmoid(Output(outputs, model::kOutputGate));
}

// Of every target, [M, B, K].
Tensor Pinball(const std::vector<double>& levels, const Tensor& z, const Tensor& outputs,
               const Tensor& median) {
  const auto middle = std::find(levels.begin(), levels.end(), 0.5) - levels.begin();
  const auto loss_at = [&](int64_t level, const Tensor& quantile) {
    const Tensor error = z - quantile;
    const double q = levels[static_cast<size_t>(level)];
    return torch::max(q * error, (q - 1) * error);
  };
  const auto spread = [&](int64_t i) {
    return torch::softplus(Output(outputs, model::kOutputSpreads + i));
  };
  Tensor loss = loss_at(middle, median);
  Tensor quantile = median;
  for (int64_t i = middle - 1; i >= 0; --i) {
    quantile = quantile - spread(i);
    loss = loss + loss_at(i, quantile);
  }
  quantile = median;
  for (int64_t i = middle + 1; i < static_cast<int64_t>(levels.size()); ++i) {
    quantile = quantile + spread(i - 1);
    loss = loss + loss_at(i, quantile);
  }
  return loss;
}

// Cross entropy of the two chances around the last value.
Tensor Stay(const model::Batch& batch, const Tensor& z, const Tensor& outputs) {
  const Tensor last = batch.candidates.select(3, model::kCandidateLast);
  const Tensor margin = kStayMargin * (1 + last.abs());
  const Tensor below = Output(outputs, model::kOutputBelow);
  const Tensor up_to = below + torch::softplus(Output(outputs, model::kOutputStay));
  const auto entropy = [](const Tensor& logit, const Tensor& happened) {
    return torch::binary_cross_entropy_with_logits(logit, happened.to(torch::kFloat), {}, {},
                                                   at::Reduction::None);
  };
  return entropy(below, z < last - margin) + entropy(up_to, z <= last + margin);
}

}  // namespace

Tensor PlainLoss(const std::vector<double>& levels, const model::Batch& batch,
                 const Tensor& outputs, const Tensor& tau) {
  const Tensor there = batch.z.isnan().logical_not();
  const Tensor z = batch.z.nan_to_num(0);
  const Tensor loss = Pinball(levels, z, outputs, MedianOf(batch, outputs, tau)) +
                      kStayWeight * Stay(batch, z, outputs);
  const Tensor weight = there * batch.weight.unsqueeze(2);
  return (weight * loss).sum({1, 2}) / weight.sum({1, 2}).clamp_min(1e-6);
}

}  // namespace auspex
