#include "model/engine/output_head.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace auspex::model {
namespace {

constexpr double kSnapScales = 0.15;

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// log(1 + exp(x)) that does not overflow.
double Softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

template <typename T>
double BlendOfCandidates(double tau, std::span<const float> recent_errors,
                         std::span<const float> candidates, std::span<const T> outputs) {
  std::array<double, kCandidates> logits{};
  for (size_t j = 0; j < kCandidates; ++j) logits[j] = outputs[j] - tau * recent_errors[j];
  const double highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  double weights = 0;
  for (size_t j = 0; j < kCandidates; ++j) {
    const double weight = std::exp(logits[j] - highest);
    weights += weight;
    sum += weight * candidates[j];
  }
  return sum / weights;
}

template <typename T>
void FillQuantiles(size_t median, double tau, std::span<const float> recent_errors,
                   std::span<const float> candidates, std::span<const T> outputs,
                   std::span<double> quantiles) {
  quantiles[median] = BlendOfCandidates(tau, recent_errors, candidates, outputs) +
                      outputs[kOutputCorrection] * Sigmoid(outputs[kOutputGate]);
  const std::span<const T> spreads = outputs.subspan(kOutputSpreads);
  for (size_t i = median; i > 0; --i) quantiles[i - 1] = quantiles[i] - Softplus(spreads[i - 1]);
  for (size_t i = median + 1; i < quantiles.size(); ++i) {
    quantiles[i] = quantiles[i - 1] + Softplus(spreads[i - 1]);
  }
}

float ToFloat(double value) {
  constexpr double kMax = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(value, -kMax, kMax));
}

// The published median, in units of the series.
double Median(const WindowFeatures& window, const Blend& blend, std::span<const float> candidates,
              double network) {
  const auto units = [&](double z) { return window.level + window.scale * z; };
  const double median = blend.network * units(network) +
                        blend.seasonal_naive * units(candidates[kCandidateSeasonalNaive]) +
                        blend.last * window.last;
  // A mean of many things is never exactly "no change", which is often the truth of these series.
  const bool stays = std::abs(median - window.last) < kSnapScales * window.scale;
  return window.steplike && stays ? window.last : median;
}

}  // namespace

OutputHead::OutputHead(const ModelSpec& spec, double tau)
    : median_(static_cast<size_t>(spec.median_index())), tau_(tau) {}

void OutputHead::Quantiles(std::span<const float> recent_errors, std::span<const float> candidates,
                           std::span<const float> outputs, std::span<double> quantiles) const {
  FillQuantiles(median_, tau_, recent_errors, candidates, outputs, quantiles);
}

void OutputHead::Quantiles(std::span<const float> recent_errors, std::span<const float> candidates,
                           std::span<const double> outputs, std::span<double> quantiles) const {
  FillQuantiles(median_, tau_, recent_errors, candidates, outputs, quantiles);
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
