#include "model/engine/output_head.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace auspex::model {
namespace {

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// log(1 + exp(x)) that does not overflow.
double Softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

template <typename T>
double BlendOfCandidates(double tau, const TargetInputs& target, std::span<const T> outputs) {
  const auto& logs = target.backtest_logs;
  std::array<double, kCandidates> logits{};
  for (size_t j = 0; j < kCandidates; ++j) {
    const double log = logs[j] + target.long_share * (logs[kCandidates + j] - logs[j]);
    logits[j] = outputs[j] - tau * log;
  }
  const double highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  double weights = 0;
  for (size_t j = 0; j < kCandidates; ++j) {
    const double weight = std::exp(logits[j] - highest);
    weights += weight;
    sum += weight * target.candidates[j];
  }
  return sum / weights;
}

float ToFloat(double value) {
  constexpr double kMax = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(value, -kMax, kMax));
}

// The published median, in units of the series.
double Median(const WindowFeatures& window, const Blend& blend, std::span<const float> candidates,
              double network) {
  const auto units = [&](double z) { return window.level + window.scale * z; };
  return blend.network * units(network) +
         blend.seasonal_naive * units(candidates[kCandidateSeasonalNaive]) +
         blend.last * window.last;
}

}  // namespace

void PutAtLast(double last, double below, double up_to, std::span<const double> levels,
               std::span<double> quantiles) {
  if (up_to - below < kStayMin) return;
  for (size_t i = 0; i < quantiles.size(); ++i) {
    double& value = quantiles[i];
    if (levels[i] < below) {
      value = std::min(value, last);
    } else if (levels[i] > up_to) {
      value = std::max(value, last);
    } else {
      value = last;
    }
  }
}

OutputHead::OutputHead(const ModelSpec& spec, double tau)
    : levels_(spec.quantiles), median_(static_cast<size_t>(spec.median_index())), tau_(tau) {}

template <typename T>
void OutputHead::FillQuantiles(const TargetInputs& target, std::span<const T> outputs,
                               std::span<double> quantiles) const {
  quantiles[median_] = BlendOfCandidates(tau_, target, outputs) +
                       outputs[kOutputCorrection] * Sigmoid(outputs[kOutputGate]);
  const std::span<const T> spreads = outputs.subspan(kOutputSpreads);
  for (size_t i = median_; i > 0; --i) quantiles[i - 1] = quantiles[i] - Softplus(spreads[i - 1]);
  for (size_t i = median_ + 1; i < quantiles.size(); ++i) {
    quantiles[i] = quantiles[i - 1] + Softplus(spreads[i - 1]);
  }
  const double below = outputs[kOutputBelow];
  PutAtLast(target.candidates[kCandidateLast], Sigmoid(below),
            Sigmoid(below + Softplus(outputs[kOutputStay])), levels_, quantiles);
}

void OutputHead::Quantiles(const TargetInputs& target, std::span<const float> outputs,
                           std::span<double> quantiles) const {
  FillQuantiles(target, outputs, quantiles);
}

void OutputHead::Quantiles(const TargetInputs& target, std::span<const double> outputs,
                           std::span<double> quantiles) const {
  FillQuantiles(target, outputs, quantiles);
}

TargetInputs TargetInputsAt(const WindowFeatures& window, const TargetFeatures& targets, size_t t) {
  const size_t features = targets.features.size() / (targets.candidates.size() / kCandidates);
  return {.backtest_logs = std::span(window.window).subspan(kShapeFeatures, kBacktestLogs),
          .candidates = std::span(targets.candidates).subspan(t * kCandidates, kCandidates),
          .long_share = LongLeadShare(targets.features[t * features + kFeatureHorizons])};
}

void OutputHead::Publish(const WindowFeatures& window, const Blend& blend,
                         std::span<const float> candidates, std::span<const double> quantiles,
                         std::span<float> out) const {
  const double median = Median(window, blend, candidates, quantiles[median_]);
  for (size_t i = 0; i < quantiles.size(); ++i) {
    const double value = median + window.scale * (quantiles[i] - quantiles[median_]);
    out[i] = ToFloat(window.non_negative ? std::max(value, 0.0) : value);
  }
}

}  // namespace auspex::model
