#include "model/train/head_loss.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "model/features/features.h"

namespace auspex::model {
namespace {

// How much the chances of "no change" count beside the quantiles, and what counts as none,
// relative.
constexpr float kStayWeight = 0.2F;
constexpr float kStayMargin = 1e-6F;

float Sigmoid(float x) { return 1 / (1 + std::exp(-x)); }
float Softplus(float x) { return std::max(x, 0.0F) + std::log1p(std::exp(-std::abs(x))); }
// Cross entropy of the chance sigmoid(logit) with what happened.
float CrossEntropy(float logit, bool happened) { return Softplus(happened ? -logit : logit); }

}  // namespace

struct HeadLoss::Row {
  const float* logs;
  const float* candidates;
  const float* outputs;
  float long_share;
  float z;
};

HeadLoss::HeadLoss(const ModelSpec& spec)
    : levels_(spec.quantiles.begin(), spec.quantiles.end()),
      median_(static_cast<size_t>(spec.median_index())),
      outputs_(static_cast<size_t>(spec.decoder_outputs())) {}

double HeadLoss::Compute(const HeadBatch& batch, std::span<const float> outputs, float tau,
                         std::span<float> gradient, float* tau_gradient) const {
  const size_t targets = batch.z.size() / batch.weight.size();
  std::fill(gradient.begin(), gradient.end(), 0.0F);
  double loss = 0;
  double tau_sum = 0;
  for (size_t i = 0; i < batch.z.size(); ++i) {
    if (std::isnan(batch.z[i])) continue;
    const size_t window = i / targets;
    const Row row{.logs = &batch.backtest_logs[window * kBacktestLogs],
                  .candidates = &batch.candidates[i * kCandidates],
                  .outputs = &outputs[i * outputs_],
                  .long_share = batch.long_share[i],
                  .z = batch.z[i]};
    const float weight = batch.weight[window];
    loss += weight * ComputeRow(row, tau, weight, &gradient[i * outputs_], &tau_sum);
  }
  *tau_gradient = static_cast<float>(tau_sum);
  return loss;
}

double HeadLoss::ComputeRow(const Row& row, float tau, float share, float* gradient,
                            double* tau_gradient) const {
  std::array<float, kCandidates> logs{}, weights{};
  float highest = -std::numeric_limits<float>::infinity();
  for (size_t j = 0; j < kCandidates; ++j) {
    logs[j] = row.logs[j] + row.long_share * (row.logs[kCandidates + j] - row.logs[j]);
    weights[j] = row.outputs[j] - tau * logs[j];
    highest = std::max(highest, weights[j]);
  }
  float sum = 0;
  for (float& weight : weights) sum += weight = std::exp(weight - highest);
  float blend = 0;
  for (size_t j = 0; j < kCandidates; ++j) {
    weights[j] /= sum;
    blend += weights[j] * row.candidates[j];
  }
  const float gate = Sigmoid(row.outputs[kOutputGate]);
  const float correction = row.outputs[kOutputCorrection];

  double loss = Quantiles(row, blend + correction * gate, share, gradient);
  const float slope = gradient[kOutputCorrection];  // of the median
  gradient[kOutputCorrection] = slope * gate;
  gradient[kOutputGate] = slope * correction * gate * (1 - gate);
  for (size_t j = 0; j < kCandidates; ++j) {
    gradient[j] = slope * weights[j] * (row.candidates[j] - blend);
    *tau_gradient -= gradient[j] * logs[j];
  }
  return loss + Stay(row, share, gradient);
}

// Pinball loss of all levels. Leaves the slope of the median at kOutputCorrection.
double HeadLoss::Quantiles(const Row& row, float median, float share, float* gradient) const {
  const float* const spreads = row.outputs + kOutputSpreads;
  float* const spread_gradient = gradient + kOutputSpreads;
  double loss = 0;
  float slope_of_all = 0;
  const auto add = [&](size_t level, float quantile) {
    const float error = row.z - quantile;
    const float slope = error > 0 ? -levels_[level] : 1 - levels_[level];
    loss += -slope * error;
    slope_of_all += slope;
    return slope;
  };
  // Outwards from the median on both sides; a spread moves every level beyond it.
  std::array<float, kLevelsMax> slopes{};
  slopes[median_] = add(median_, median);
  float quantile = median;
  for (size_t i = median_; i-- > 0;) slopes[i] = add(i, quantile -= Softplus(spreads[i]));
  quantile = median;
  for (size_t i = median_ + 1; i < levels_.size(); ++i) {
    slopes[i] = add(i, quantile += Softplus(spreads[i - 1]));
  }
  float beyond = 0;
  for (size_t i = 0; i < median_; ++i) {
    beyond += slopes[i];
    spread_gradient[i] = -share * beyond * Sigmoid(spreads[i]);
  }
  beyond = 0;
  for (size_t i = levels_.size(); i-- > median_ + 1;) {
    beyond += slopes[i];
    spread_gradient[i - 1] = share * beyond * Sigmoid(spreads[i - 1]);
  }
  gradient[kOutputCorrection] = share * slope_of_all;
  return loss;
}

double HeadLoss::Stay(const Row& row, float share, float* gradient) const {
  const float last = row.candidates[kCandidateLast];
  const float margin = kStayMargin * (1 + std::abs(last));
  const bool is_below = row.z < last - margin;
  const bool is_up_to = row.z <= last + margin;
  const float below = row.outputs[kOutputBelow];
  const float stay = row.outputs[kOutputStay];
  const float up_to = below + Softplus(stay);
  const float below_slope = Sigmoid(below) - (is_below ? 1.0F : 0.0F);
  const float up_to_slope = Sigmoid(up_to) - (is_up_to ? 1.0F : 0.0F);
  gradient[kOutputBelow] = kStayWeight * share * (below_slope + up_to_slope);
  gradient[kOutputStay] = kStayWeight * share * up_to_slope * Sigmoid(stay);
  return kStayWeight * (CrossEntropy(below, is_below) + CrossEntropy(up_to, is_up_to));
}

}  // namespace auspex::model
